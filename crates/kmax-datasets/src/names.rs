//! Files that a json names: one rule for all of them.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The name with `/` between its folders, also where a tool on Windows wrote back-slashes.
pub(crate) fn with_slashes(name: &str) -> String {
    name.replace('\\', "/")
}

/// A json is not trusted to name files outside its folders.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    let inside = |name: &str| {
        let path = Path::new(name);
        let plain = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        plain && path.file_name().is_some()
    };
    if inside(name) && inside(&with_slashes(name)) {
        return Ok(());
    }
    Err(format!("file_name {name:?} is not a file within the folder"))
}

/// The entries of a folder by their names in lower case; `None` where two differ in case only.
type Listing = HashMap<String, Option<String>>;

/// A folder of files that a json names.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// The folders that were listed, for there may be as many names as files.
    listings: Arc<Mutex<HashMap<PathBuf, Arc<Listing>>>>,
}

impl Folder {
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), listings: Arc::default() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file of a name: the one called exactly so; else the one whose name differs only in back-slashes for `/` or in
    /// upper and lower case. Without one, where it should be.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.existing(name).unwrap_or_else(|| self.path.join(with_slashes(name)))
    }

    /// As [`Self::file`], `None` if there is none.
    pub(crate) fn existing(&self, name: &str) -> Option<PathBuf> {
        let slashes = with_slashes(name);
        let exact = [name, &slashes].into_iter().map(|name| self.path.join(name)).find(|file| file.is_file());
        exact.or_else(|| self.in_any_case(&slashes)).filter(|file| file.is_file())
    }

    fn in_any_case(&self, name: &str) -> Option<PathBuf> {
        let mut place = self.path.clone();
        for part in name.split('/').filter(|part| !part.is_empty() && *part != ".") {
            let exact = place.join(part);
            place = if exact.exists() {
                exact
            } else {
                let listing = self.listing(&place);
                place.join(listing.get(&part.to_lowercase())?.as_ref()?)
            };
        }
        Some(place)
    }

    fn listing(&self, folder: &Path) -> Arc<Listing> {
        let mut listings = self.listings.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(listing) = listings.get(folder) {
            return listing.clone();
        }
        let mut listing = Listing::new();
        // A folder that cannot be listed has no file.
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(name) = entry.file_name().into_string() else { continue };
            let alike = listing.entry(name.to_lowercase());
            alike.and_modify(|name| *name = None).or_insert(Some(name));
        }
        let listing = Arc::new(listing);
        listings.insert(folder.to_path_buf(), listing.clone());
        listing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files;

    #[test]
    fn back_slashes_and_another_case_are_the_same_file() -> crate::error::Result<()> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        files::create_folder(&folder.path().join("City 1"))?;
        for name in ["City 1/a.JPG", "b.jpg", "x.png", "X.png"] {
            files::write(&folder.path().join(name), b"")?;
        }
        let names = Folder::new(folder.path());
        for (name, file) in [
            ("b.jpg", "b.jpg"),
            ("./b.jpg", "b.jpg"),
            ("City 1/a.JPG", "City 1/a.JPG"),
            ("City 1\\a.JPG", "City 1/a.JPG"),
            ("city 1\\A.jpg", "City 1/a.JPG"),
            ("B.JPG", "b.jpg"),
            ("X.png", "X.png"),
        ] {
            let found = names.existing(name).expect(name);
            assert!(found.is_file() && found.ends_with(file), "{name}: {}", found.display());
        }
        for name in ["c.jpg", "X.PNG", "City 1", "City 1\\b.jpg"] {
            assert_eq!(names.existing(name), None, "{name}");
        }
        assert_eq!(names.file("a\\c.jpg"), folder.path().join("a/c.jpg"));
        assert_eq!(Folder::new(folder.path().join("none")).existing("b.jpg"), None);
        Ok(())
    }

    #[test]
    fn names_stay_in_their_folder() {
        for name in ["a.jpg", "a/b.jpg", "a\\b.jpg", "./a.jpg"] {
            assert_eq!(check_name(name), Ok(()));
        }
        for name in ["", ".", "..", "../a.jpg", "..\\a.jpg", "a\\..\\..\\b.jpg", "/a.jpg", "\\a.jpg"] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}

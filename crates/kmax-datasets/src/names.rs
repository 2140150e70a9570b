//! Files that a json names: one rule for all of them.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use unicode_normalization::UnicodeNormalization;

use crate::error::{Error, Result};

/// The name with `/` between its folders, also where a tool on Windows wrote back-slashes.
pub(crate) fn with_slashes(name: &str) -> String {
    name.replace('\\', "/")
}

/// A json is not trusted to name files outside its folders.
pub(crate) fn check_name(name: &str) -> std::result::Result<(), String> {
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

/// The names in a folder by what is alike in them.
type Listing = HashMap<String, Vec<String>>;

/// A folder of files that a json names.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// Whether a file may lie in the folder itself where its name has folders.
    flat: bool,
    /// The folders that were listed, for there may be as many names as files.
    listings: Arc<Mutex<HashMap<PathBuf, Arc<Listing>>>>,
}

impl Folder {
    /// A folder of files each of which lies where its name says.
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), flat: false, listings: Arc::default() }
    }

    /// A folder of the files of these names. Where no two of them end alike, the folders in them do not matter.
    pub(crate) fn of<'a>(path: impl Into<PathBuf>, names: impl Iterator<Item = &'a str> + Clone) -> Self {
        let mut ends = HashMap::new();
        let mut unique = |name: &'a str| {
            let end = alike(base(&with_slashes(name)));
            *ends.entry(end).or_insert(name) == name
        };
        // Mostly no name has a folder, and nothing has to be compared.
        let flat = names.clone().any(|name| name.contains(['/', '\\'])) && names.clone().all(&mut unique);
        Self { flat, ..Self::new(path) }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file of a name. Without one, where it should be.
    ///
    /// # Errors
    /// As [`Self::existing`].
    pub(crate) fn file(&self, name: &str) -> Result<PathBuf> {
        Ok(self.existing(name)?.unwrap_or_else(|| self.path.join(with_slashes(name))))
    }

    /// The first of these that is there: the file called exactly so; that with `/` for back-slashes; that of the last part of the
    /// name; the only one that is like the name, then like its last part. Alike are names that differ in upper and lower case, in
    /// `%20` for a space and the like, and in how Unicode composes letters.
    ///
    /// # Errors
    /// If several are alike; the message names two.
    pub(crate) fn existing(&self, name: &str) -> Result<Option<PathBuf>> {
        let slashes = with_slashes(name);
        let base = Some(base(&slashes)).filter(|_| self.flat);
        let exact = [Some(name), Some(&slashes), base];
        let exact = exact.into_iter().flatten().map(|name| self.path.join(name)).find(|file| file.is_file());
        if exact.is_some() {
            return Ok(exact);
        }
        for name in [Some(slashes.as_str()), base].into_iter().flatten() {
            if let Some(file) = self.alike(name)?.filter(|file| file.is_file()) {
                return Ok(Some(file));
            }
        }
        Ok(None)
    }

    fn alike(&self, name: &str) -> Result<Option<PathBuf>> {
        let mut place = self.path.clone();
        for part in name.split('/').filter(|part| !part.is_empty() && *part != ".") {
            let exact = place.join(part);
            if exact.exists() {
                place = exact;
                continue;
            }
            let listing = self.listing(&place);
            let Some(names) = listing.get(&alike(part)) else { return Ok(None) };
            let same_case: Vec<_> = names.iter().filter(|name| plain(name) == plain(part)).collect();
            match (&names[..], &same_case[..]) {
                ([only], _) => place = place.join(only),
                (_, [only]) => place = place.join(only),
                ([one, two, ..], _) => {
                    let reason = format!("could be {one:?} or {two:?}");
                    return Err(Error::entry(&place, format!("file_name {name:?}"), reason));
                }
                ([], _) => return Ok(None),
            }
        }
        Ok(Some(place))
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
            listing.entry(alike(&name)).or_default().push(name);
        }
        // The system lists in any order.
        listing.values_mut().for_each(|names| names.sort_unstable());
        let listing = Arc::new(listing);
        listings.insert(folder.to_path_buf(), listing.clone());
        listing
    }
}

/// The last part of a name.
pub(crate) fn base(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// The same text for names that are alike.
fn alike(name: &str) -> String {
    plain(name).to_lowercase()
}

/// Letters composed, and bytes that are written `%20` as in a URL.
pub(crate) fn plain(name: &str) -> String {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let [byte, tail @ ..] = rest {
        let digits = tail.get(..2).filter(|digits| *byte == b'%' && digits.iter().all(u8::is_ascii_hexdigit));
        let escaped =
            digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(escaped.unwrap_or(*byte));
        rest = &tail[if escaped.is_some() { 2 } else { 0 }..];
    }
    // Bytes that are no text were meant as they stand.
    String::from_utf8(bytes).unwrap_or_else(|_| name.to_owned()).nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files;

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in names {
            let file = folder.path().join(name);
            files::create_folder(file.parent().expect("a folder")).expect("made");
            files::write(&file, b"").expect("written");
        }
        folder
    }

    #[test]
    fn names_that_differ_in_form_only_are_the_same_file() -> Result<()> {
        let folder =
            folder(&["City 1/a.JPG", "b.jpg", "x.png", "X.png", "d\u{e9}j\u{e0}.png", "1%2b.jpg", "50%.jpg"]);
        let names = Folder::of(folder.path(), ["a/one"].into_iter());
        for (name, file) in [
            ("b.jpg", "b.jpg"),
            ("./b.jpg", "b.jpg"),
            ("City 1/a.JPG", "City 1/a.JPG"),
            ("City 1\\a.JPG", "City 1/a.JPG"),
            ("city 1\\A.jpg", "City 1/a.JPG"),
            ("City%201/a.jpg", "City 1/a.JPG"),
            ("C:\\data\\B.jpg", "b.jpg"),
            ("http://example.org/train/b.jpg", "b.jpg"),
            ("B.JPG", "b.jpg"),
            ("X.png", "X.png"),
            ("%58.png", "X.png"),
            ("de\u{301}ja\u{300}.png", "d\u{e9}j\u{e0}.png"),
            ("DE\u{301}J%C3%80.png", "d\u{e9}j\u{e0}.png"),
            ("1+.jpg", "1%2b.jpg"),
            ("50%25.jpg", "50%.jpg"),
        ] {
            let found = names.existing(name)?.unwrap_or_else(|| panic!("{name}"));
            assert!(found.is_file() && found.ends_with(file), "{name}: {}", found.display());
        }
        for name in ["c.jpg", "City 1", "City 1\\c.jpg", "%2e%2e/b", "%ff.jpg"] {
            assert_eq!(names.existing(name)?, None, "{name}");
        }
        assert_eq!(names.file("a\\c.jpg")?, folder.path().join("a/c.jpg"));
        assert_eq!(Folder::new(folder.path().join("none")).existing("b.jpg")?, None);
        Ok(())
    }

    #[test]
    fn what_could_be_two_files_is_none() {
        let folder = folder(&["x.png", "X.png"]);
        let message = Folder::new(folder.path()).file("X.PNG").expect_err("two").to_string();
        assert!(message.ends_with("file_name \"X.PNG\": could be \"X.png\" or \"x.png\""), "{message}");
    }

    #[test]
    fn folders_in_names_matter_where_two_end_alike() -> Result<()> {
        let folder = folder(&["1.jpg", "b/2.jpg"]);
        let found =
            |names: &[&str], name: &str| Folder::of(folder.path(), names.iter().copied()).existing(name);
        assert!(found(&["a/1.jpg", "b/2.jpg", "a/1.jpg"], "a/1.jpg")?.is_some());
        assert!(found(&["a/1.jpg", "b\\1.JPG"], "a/1.jpg")?.is_none());
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

//! The photos in a folder, and what they are called.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::labelled::Item;
use super::survey::{ends, is_left_over};
use crate::error::{Error, Result};
use crate::files;
use crate::names::{Folder, base, with_slashes};

/// How the names of photos end.
const ENDINGS: [&str; 16] = [
    "jpg", "jpeg", "png", "webp", "bmp", "tif", "tiff", "gif", "heic", "heif", "avif", "jxl", "ppm", "pgm",
    "pnm", "jfif",
];

pub(super) fn is_photo(name: &str) -> bool {
    ends(name, &ENDINGS)
}

/// The photos below a folder, as paths relative to it, by name.
///
/// # Errors
/// If a folder cannot be listed.
pub(super) fn photos_below(folder: &Path) -> Result<Vec<String>> {
    let mut names = files::below(folder, "")?;
    names.retain(|name| is_photo(name) && !name.split('/').any(is_left_over));
    Ok(names)
}

/// The name without its ending.
pub(super) fn stem(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((stem, ending)) if !ending.contains('/') && !stem.is_empty() => stem,
        _ => name,
    }
}

/// Images of these files in a folder. They are called like their files without folders and endings, as far as no two are then called
/// alike; else with what tells them apart.
pub(super) fn items(folder: &Path, names: Vec<String>) -> Vec<Item> {
    fn short(name: &str) -> &str {
        stem(base(name))
    }
    let ways: [fn(&str) -> &str; 3] = [short, stem, |name| name];
    let call = ways.into_iter().find(|call| unlike(&names, *call)).unwrap_or(ways[2]);
    let folder = Arc::new(Folder::of(folder, names.iter().map(String::as_str)));
    names.into_iter().map(|name| Item { id: call(&name).into(), name, folder: folder.clone() }).collect()
}

fn unlike(names: &[String], call: fn(&str) -> &str) -> bool {
    let mut seen = HashSet::new();
    names.iter().all(|name| seen.insert(call(name)))
}

/// The photos of a folder, to be found by their names without endings.
#[derive(Debug)]
pub(super) struct Index {
    pub folder: PathBuf,
    names: HashMap<String, Vec<String>>,
}

impl Index {
    /// # Errors
    /// If the folder cannot be listed.
    pub fn of(folder: &Path) -> Result<Self> {
        let mut names: HashMap<String, Vec<String>> = HashMap::new();
        for name in photos_below(folder)? {
            let short = stem(base(&name)).to_owned();
            if short != stem(&name) {
                names.entry(stem(&name).to_owned()).or_default().push(name.clone());
            }
            names.entry(short).or_default().push(name);
        }
        Ok(Self { folder: folder.to_path_buf(), names })
    }

    /// The photo whose path without its ending is `name`; else the only one whose file's is, whatever its folder.
    ///
    /// # Errors
    /// If two could be meant.
    pub fn find(&self, name: &str) -> Result<Option<&str>> {
        let Some(found) = self.names.get(name).or_else(|| self.names.get(base(name))) else {
            return Ok(None);
        };
        match &found[..] {
            [one, two, ..] => {
                let exact = found.iter().find(|photo| stem(photo) == name).filter(|_| stem(one) != stem(two));
                let reason = || Error::entry(&self.folder, name, format!("could be {one:?} or {two:?}"));
                exact.map(|photo| Some(photo.as_str())).ok_or_else(reason)
            }
            one => Ok(one.first().map(String::as_str)),
        }
    }
}

/// A path that a file names, below a folder: as it stands, or the longest end of it that is there, for it may be that of another machine.
pub(super) fn end_of(folder: &Path, named: &str) -> Option<PathBuf> {
    let named = with_slashes(named.trim());
    let whole = folder.join(&named);
    if whole.exists() {
        return Some(whole);
    }
    let parts: Vec<&str> = named.split('/').filter(|part| !matches!(*part, "" | "." | "..")).collect();
    (0..parts.len()).map(|from| folder.join(parts[from..].join("/"))).find(|path| path.exists())
}

#[cfg(test)]
mod tests {
    use super::super::testing::Set;
    use super::*;

    #[test]
    fn images_are_called_as_shortly_as_they_differ() {
        let called = |names: &[&str]| {
            let items = items(Path::new("x"), names.iter().map(|name| name.to_string()).collect());
            items.iter().map(|item| item.id.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(called(&["a/1.x.jpg", "b/2.png"]), ["1.x", "2"]);
        assert_eq!(called(&["a/1.jpg", "b/1.jpg"]), ["a/1", "b/1"]);
        assert_eq!(called(&["a/1.jpg", "a/1.png"]), ["a/1.jpg", "a/1.png"]);
    }

    #[test]
    fn photos_are_found_by_name_if_only_one_is_meant() -> Result<()> {
        let set = Set::new()
            .text("a/1.jpg", "")
            .text("b/1.png", "")
            .text("b/2.png", "")
            .text("3.jpg", "")
            .text("3.png", "");
        let index = Index::of(set.path())?;
        assert_eq!(index.find("b/1")?, Some("b/1.png"));
        assert_eq!(index.find("2")?, Some("b/2.png"));
        assert_eq!(index.find("x/2")?, Some("b/2.png"));
        assert_eq!(index.find("4")?, None);
        assert!(index.find("1").is_err() && index.find("3").is_err());
        Ok(())
    }

    #[test]
    fn paths_of_other_machines_are_found_by_their_end() {
        let set = Set::new().text("train/images/a.jpg", "");
        for named in ["train/images", "../train/images", "/content/x/train/images", "..\\train\\images\r"] {
            assert_eq!(
                end_of(set.path(), named).map(|path| path.ends_with("train/images")),
                Some(true),
                "{named}"
            );
        }
        assert_eq!(end_of(set.path(), "valid/none"), None);
    }

    #[test]
    fn what_archives_leave_is_no_photo() -> Result<()> {
        let set = Set::new()
            .text("a/b.JPG", "")
            .text("a/._b.jpg", "")
            .text("__MACOSX/c.jpg", "")
            .text("a/b.txt", "");
        assert_eq!(photos_below(set.path())?, ["a/b.JPG"]);
        Ok(())
    }
}

//! What lies in a folder, without what archives and file managers leave there.

use std::path::{Path, PathBuf};

use super::sniff::{Kind, sniff};
use crate::error::{Error, Result};
use crate::layout;

/// How deep a folder may lie in folders that hold nothing else, as archives unpack.
const MAX_WRAPPED: usize = 4;

/// Jsons of one folder that are opened to see what they are. One json an image is known by its first.
const LOOKED_AT: usize = 8;

/// The entries of a folder by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Entries {
    pub files: Vec<String>,
    pub folders: Vec<String>,
}

impl Entries {
    /// # Errors
    /// If the folder cannot be listed.
    pub fn of(folder: &Path) -> Result<Self> {
        let mut found = Self::default();
        for entry in std::fs::read_dir(folder).map_err(Error::read(folder))? {
            let path = entry.map_err(Error::read(folder))?.path();
            // A name that is no Unicode is none that a list could have.
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            if is_left_over(name) {
                continue;
            }
            let names = if path.is_dir() { &mut found.folders } else { &mut found.files };
            names.push(name.to_owned());
        }
        found.files.sort_unstable();
        found.folders.sort_unstable();
        Ok(found)
    }
}

/// Whether a file or folder is what archives of macOS, or file managers, leave.
pub(super) fn is_left_over(name: &str) -> bool {
    name.starts_with('.') || ["__MACOSX", "Thumbs.db", "desktop.ini"].contains(&name)
}

/// Whether a name ends so, in whatever case.
pub(super) fn ends(name: &str, endings: &[&str]) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_lowercase());
    ending.is_some_and(|ending| endings.contains(&ending.as_str()))
}

/// A json and what it holds.
pub(super) type Found = (PathBuf, Kind);

/// The folder with what it holds, so that every form looks at it alike.
#[derive(Clone, Debug)]
pub(super) struct Survey {
    pub root: PathBuf,
    pub entries: Entries,
    /// Jsons in the folder, in `annotations`, and in the folders of splits, as far as they say what they are.
    pub jsons: Vec<Found>,
}

impl Survey {
    /// # Errors
    /// If a folder cannot be listed or a json cannot be read.
    pub fn of(root: &Path) -> Result<Self> {
        let entries = Entries::of(root)?;
        let mut jsons = jsons_of(root, &entries)?;
        for name in &entries.folders {
            let folder = root.join(name);
            jsons.extend(jsons_of(&folder, &Entries::of(&folder)?)?);
        }
        Ok(Self { root: root.to_path_buf(), entries, jsons })
    }

    /// The folder that this one wraps, if it holds nothing else.
    pub fn wrapped(&self) -> Option<PathBuf> {
        match &self.entries.folders[..] {
            [only] => Some(self.root.join(only)),
            _ => None,
        }
    }

    pub fn has_folder(&self, name: &str) -> bool {
        self.entries.folders.iter().any(|folder| folder == name)
    }

    /// The jsons of a kind.
    pub fn jsons(&self, kind: Kind) -> Vec<PathBuf> {
        self.jsons.iter().filter(|(_, found)| *found == kind).map(|(json, _)| json.clone()).collect()
    }
}

/// Looks at a folder, and into it where it only wraps another, until something is found; else it is the folder itself.
///
/// # Errors
/// As [`Survey::of`], and those of `look`.
pub(super) fn unwrapped<T>(
    root: &Path,
    look: impl Fn(&Survey) -> Result<Vec<T>>,
) -> Result<(Survey, Vec<T>)> {
    let first = Survey::of(root)?;
    let mut survey = first.clone();
    for _ in 0..=MAX_WRAPPED {
        let found = look(&survey)?;
        if !found.is_empty() {
            return Ok((survey, found));
        }
        let Some(folder) = survey.wrapped() else { break };
        survey = Survey::of(&folder)?;
    }
    Ok((first, Vec::new()))
}

fn jsons_of(folder: &Path, entries: &Entries) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    let mut others = Vec::new();
    for name in entries.files.iter().filter(|name| ends(name, &["json"])) {
        let json = folder.join(name);
        // COCO's own are known by their names; they are too large to be read twice.
        match layout::of_json(&json) {
            Some(layout::Part::Panoptic { .. }) if name.contains("panoptic") => {
                found.push((json, Kind::CocoPanoptic))
            }
            Some(layout::Part::Instances { .. }) => found.push((json, Kind::CocoInstances)),
            _ => others.push(json),
        }
    }
    // Beside them lie captions, keypoints and the like, which are not looked at.
    if found.is_empty() {
        for json in others.into_iter().take(LOOKED_AT) {
            let kind = sniff(&json)?;
            found.push((json, kind));
        }
    }
    Ok(found)
}

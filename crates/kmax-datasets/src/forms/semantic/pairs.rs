//! Which class map belongs to which photo.

use std::path::{Path, PathBuf};

use super::super::photos::{Index, photos_below, stem};
use super::super::splits::{ALL, rank, split_of};
use super::super::survey::{Entries, ends};
use crate::error::{Error, Result};
use crate::files;
use crate::names::base;

/// What folders of photos are called, in small letters.
const PHOTOS: [&str; 7] = ["images", "image", "imgs", "img", "photos", "jpegimages", "rgb"];

/// What folders of class maps are called.
const MAPS: [&str; 14] = [
    "masks",
    "mask",
    "labels",
    "label",
    "annotations",
    "annotation",
    "segmentations",
    "segmentation",
    "gt",
    "semantic",
    "segmentationclass",
    "labels_png",
    "class_maps",
    "labelids",
];

/// What the names of class maps may have behind that of their photo.
const ENDINGS: [&str; 9] =
    ["_mask", "_masks", "_label", "_labels", "_seg", "_segmentation", "_gt", "_labelIds", "_L"];

/// A folder of photos and one of class maps; they are the same where each map lies beside its photo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Folders {
    pub split: String,
    pub photos: PathBuf,
    pub maps: PathBuf,
}

fn folder(root: &Path, entries: &Entries, names: &[&str]) -> Option<PathBuf> {
    let is = |known: &&str| entries.folders.iter().find(|folder| folder.to_lowercase() == **known);
    names.iter().find_map(is).map(|name| root.join(name))
}

/// The folders of photos and class maps in a folder: `images` and `masks` with or without folders of splits in them, such a pair in
/// each split's folder, or maps beside their photos with a list `_classes.csv`.
///
/// # Errors
/// If a folder cannot be listed.
pub(in super::super) fn folders(root: &Path) -> Result<Vec<Folders>> {
    let entries = Entries::of(root)?;
    if let Some(maps) = folder(root, &entries, &MAPS) {
        let photos = folder(root, &entries, &PHOTOS);
        return Ok(photos.map_or_else(Vec::new, |photos| split_up(&photos, &maps)));
    }
    let mut found = Vec::new();
    for name in &entries.folders {
        let Some(split) = split_of(name) else { continue };
        let place = root.join(name);
        let inner = Entries::of(&place)?;
        let pair = match (folder(&place, &inner, &PHOTOS), folder(&place, &inner, &MAPS)) {
            (Some(photos), Some(maps)) => (photos, maps),
            _ if inner.files.iter().any(|name| name == "_classes.csv") => (place.clone(), place),
            _ => continue,
        };
        found.push(Folders { split: split.to_owned(), photos: pair.0, maps: pair.1 });
    }
    found.sort_by_key(|folders| rank(&folders.split));
    Ok(found)
}

/// A pair for each folder of a split that both have; else the one pair.
fn split_up(photos: &Path, maps: &Path) -> Vec<Folders> {
    let listed = |folder: &Path| Entries::of(folder).map(|entries| entries.folders).unwrap_or_default();
    let beside = listed(photos);
    let mut found: Vec<Folders> = listed(maps)
        .iter()
        .filter_map(|name| {
            let split = split_of(name)?;
            let other = beside
                .iter()
                .find(|other| *other == name)
                .or_else(|| beside.iter().find(|other| split_of(other) == Some(split)))?;
            Some(Folders { split: split.to_owned(), photos: photos.join(other), maps: maps.join(name) })
        })
        .collect();
    if found.is_empty() {
        found.push(Folders { split: ALL.to_owned(), photos: photos.into(), maps: maps.into() });
    }
    found.sort_by_key(|folders| rank(&folders.split));
    found
}

/// The class maps of a folder with their photos, and the number of photos without one.
///
/// # Errors
/// If a map has no photo, or two could be meant.
pub(in super::super) fn pairs(folders: &Folders) -> Result<(Vec<(PathBuf, String)>, usize)> {
    let index = Index::of(&folders.photos)?;
    let beside = folders.photos == folders.maps;
    let mut maps = files::below(&folders.maps, "")?;
    let hidden = |name: &str| name.split('/').any(super::super::survey::is_left_over);
    maps.retain(|name| ends(name, &["png"]) && !hidden(name));
    if beside {
        maps.retain(|name| stem(name).ends_with(ENDINGS[0]));
    }
    let mut found = Vec::with_capacity(maps.len());
    for map in maps {
        let name = stem(&map);
        let short = ENDINGS.iter().find_map(|ending| name.strip_suffix(ending));
        // Beside a photo the map itself is a picture of its own name.
        let whole = Some(name).filter(|_| !beside);
        let mut photo = None;
        for name in whole.into_iter().chain(short) {
            photo = photo.or(index.find(name)?);
        }
        let photo = photo.ok_or_else(|| {
            let reason = format!("no photo of this name is in {}", folders.photos.display());
            Error::entry(&folders.maps.join(&map), base(name), reason)
        })?;
        found.push((folders.maps.join(&map), photo.to_owned()));
    }
    let photos = photos_below(&folders.photos)?.len();
    let without = photos.saturating_sub(found.len() * if beside { 2 } else { 1 });
    Ok((found, without))
}

//! PNGs of classes: a grey value or an index of a palette a class, 255 for void.

mod ade;
mod pairs;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kmax_masks::{Categories, ListedCategory, Panoptic};
use sha2::Sha256;

use super::classes::check_names;
use super::form::Form;
use super::labelled::{Labelled, Labels, Photo, mark_file};
use super::maps::{VOID, segments};
use super::names::class_list;
use super::options::{Options, Split};
use super::photos::items;
use crate::error::{Error, Result};
use crate::png;
use crate::things::Things;

pub(super) use ade::{is_ade, splits as ade};
pub(super) use pairs::{Folders, folders, pairs};

/// The value of pixels without a class, where the list has no class of that number.
const VOID_VALUE: u32 = 255;

/// The labels of a split.
#[derive(Debug)]
struct Semantic {
    root: PathBuf,
    files: Vec<PathBuf>,
    categories: Categories,
    /// What a value is less than its class: 1 where 0 is void.
    shift: u32,
}

/// The splits of folders of class maps.
///
/// # Errors
/// If there is no list of classes, or a class map has no photo.
pub(super) fn splits(root: &Path, options: &Options, notes: &mut Vec<String>) -> Result<Vec<Split>> {
    let mut found = folders(root)?;
    if let (Some(photos), [only]) = (&options.photos, &mut found[..]) {
        only.photos.clone_from(photos);
    }
    let (list, listed) = list_of(root, &found, options)?;
    let categories = all_stuff(&list, listed, &options.things)?;
    of_folders(Form::Semantic, root, &found, &categories, 0, notes)
}

/// The list of classes: in the folder, beside the class maps, or among them.
fn list_of(root: &Path, found: &[Folders], options: &Options) -> Result<(PathBuf, Vec<ListedCategory>)> {
    let inner = found.iter().flat_map(|folders| [folders.maps.parent(), Some(&folders.maps)]).flatten();
    for folder in [root].into_iter().chain(inner) {
        if let Some(found) = class_list(folder, options)? {
            return Ok(found);
        }
    }
    Err(Error::file(
        root,
        "class maps without a list of classes: name one with `--classes`, a name a line or a json",
    ))
}

/// The classes, which are stuff unless the list or `things` says otherwise.
pub(super) fn all_stuff(list: &Path, listed: Vec<ListedCategory>, things: &Things) -> Result<Categories> {
    check_names(list, &listed)?;
    let classes = if things.is_said() {
        things.decide(list, listed)?
    } else {
        listed.into_iter().map(|class| class.or_thing(false)).collect()
    };
    Categories::new(classes).map_err(Error::masks(list))
}

/// The splits of pairs of folders.
fn of_folders(
    form: Form,
    root: &Path,
    found: &[Folders],
    categories: &Categories,
    shift: u32,
    notes: &mut Vec<String>,
) -> Result<Vec<Split>> {
    if categories.iter().any(|class| class.isthing) {
        notes.push(
            "class maps do not tell objects apart: what is connected of a thing is taken for an object"
                .into(),
        );
    }
    let mut splits = Vec::new();
    for folders in found {
        let (pairs, without) = pairs(folders)?;
        if without > 0 {
            notes.push(format!("`{}`: {without} photos without a class map are left out", folders.split));
        }
        let (files, photos) = pairs.into_iter().unzip();
        let labels = Semantic { root: root.into(), files, categories: categories.clone(), shift };
        let data = Labelled::new(form, root, categories.clone(), items(&folders.photos, photos), labels);
        splits.push(Split { name: folders.split.clone(), data: Arc::new(data) });
    }
    Ok(splits)
}

impl Labels for Semantic {
    fn read(&self, index: usize, _: &Photo) -> Result<Panoptic> {
        let file = &self.files[index];
        let values = png::read_labels(file)?;
        let class =
            |value: u32| value.checked_sub(self.shift).filter(|class| self.categories.get(*class).is_some());
        let is_void = |value: u32| value < self.shift || (value == VOID_VALUE && class(value).is_none());
        let unknown = |value: &u32| class(*value).is_none() && !is_void(*value);
        if let Some(at) = values.data().iter().position(unknown) {
            let (x, y, value) = (at % values.width(), at / values.width(), values.data()[at]);
            return Err(Error::entry(
                file,
                format!("pixel x {x}, y {y}"),
                format!("the value {value} is no class's"),
            ));
        }
        let classes = values.map(|value| class(value).unwrap_or(VOID));
        segments(&classes, None, &self.categories).map_err(Error::masks(file))
    }

    fn mark(&self, hash: &mut Sha256) -> Result<()> {
        self.files.iter().try_for_each(|file| mark_file(hash, &self.root, file))
    }
}

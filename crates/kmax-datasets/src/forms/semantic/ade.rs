//! The class maps of ADE20K's scene parsing challenge: 0 is void, 1 to 150 are its classes.

use std::path::{Path, PathBuf};

use kmax_masks::{Categories, ListedCategory};

use super::super::form::Form;
use super::super::options::{Options, Split};
use super::super::survey::Survey;
use super::{Folders, all_stuff, of_folders};
use crate::error::Result;

/// The folders that both `images` and `annotations` have.
const SPLITS: [(&str, &str); 2] = [("train", "training"), ("val", "validation")];

fn folders(root: &Path) -> Vec<Folders> {
    let pair = |(split, folder): &(&str, &str)| {
        let place = |part: &str| -> PathBuf { root.join(part).join(folder) };
        let folders = Folders { split: (*split).into(), photos: place("images"), maps: place("annotations") };
        (folders.photos.is_dir() && folders.maps.is_dir()).then_some(folders)
    };
    SPLITS.iter().filter_map(pair).collect()
}

/// Whether a folder is that of the challenge.
pub(in super::super) fn is_ade(survey: &Survey) -> bool {
    survey.has_folder("images") && survey.has_folder("annotations") && !folders(&survey.root).is_empty()
}

/// Its splits.
///
/// # Errors
/// If a class map has no photo.
pub(in super::super) fn splits(
    root: &Path,
    options: &Options,
    notes: &mut Vec<String>,
) -> Result<Vec<Split>> {
    // Its class maps tell no objects apart, so its things are stuff here unless somebody says otherwise.
    let silent = |class: &kmax_masks::Category| ListedCategory {
        id: class.id,
        name: class.name.clone(),
        isthing: None,
        color: class.color,
        supercategory: class.supercategory.clone(),
    };
    let listed = Categories::ade20k().iter().map(silent).collect();
    let categories = all_stuff(root, listed, &options.things)?;
    of_folders(Form::Ade20k, root, &folders(root), &categories, 1, notes)
}

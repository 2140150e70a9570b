//! COCO's forms: which json is which split.

mod entries;
mod instances;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::options::{Options, Split};
use super::sniff::Kind;
use super::splits::{ALL, rank, split_of};
use super::survey::Survey;
use crate::annotated::Annotated;
use crate::coco::{CocoPanoptic, ImageEntry};
use crate::error::{Error, Result};
use crate::layout;

pub(super) use instances::instances;

/// The jsons of a folder with the split that each is for.
///
/// # Errors
/// If two are for one split.
pub(super) fn by_split(root: &Path, jsons: Vec<PathBuf>) -> Result<Vec<(String, PathBuf)>> {
    let mut found: Vec<(String, PathBuf)> = Vec::new();
    for json in jsons {
        let stem = json.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let folder = json.parent().filter(|folder| *folder != root).and_then(Path::file_name);
        let of_folder = || split_of(&folder?.to_string_lossy());
        let split = split_of(&stem).or_else(of_folder).unwrap_or(ALL).to_owned();
        if let Some((_, other)) = found.iter().find(|(known, _)| *known == split) {
            let meant = if split == ALL { "for no split" } else { &format!("for `{split}`") };
            let (one, two) = (other.display(), json.display());
            let reason = format!(
                "both {one} and {two} are {meant} by their names: open one of them, or move the other away"
            );
            return Err(Error::file(root, reason));
        }
        found.push((split, json));
    }
    found.sort_by_key(|(split, _)| rank(split));
    Ok(found)
}

/// The folder of a json's photos, which is not that of its labels.
///
/// # Errors
/// If they are in none of the usual places and nobody names another.
pub(super) fn photos_of(
    json: &Path,
    labels: Option<&Path>,
    images: &[ImageEntry],
    options: &Options,
) -> Result<PathBuf> {
    if let Some(photos) = &options.photos {
        return Ok(photos.clone());
    }
    layout::images_folder(json, labels, images).ok_or_else(|| {
        let first = images.first().map_or("", |image| &image.file_name);
        let reason = format!("its photos ({first:?} and so on) are in none of the usual places: name their folder with `--photos`");
        Error::file(json, reason)
    })
}

/// The splits of a folder in COCO's panoptic form.
///
/// # Errors
/// If a json is damaged or its PNGs are not there.
pub(super) fn panoptic(survey: &Survey, options: &Options) -> Result<Vec<Split>> {
    let jsons = by_split(&survey.root, survey.jsons(Kind::CocoPanoptic))?;
    jsons.into_iter().map(|(name, json)| Ok(Split { name, data: panoptic_json(&json, options)? })).collect()
}

/// A single json in COCO's panoptic form.
///
/// # Errors
/// As [`panoptic`].
pub(super) fn panoptic_json(json: &Path, options: &Options) -> Result<Arc<dyn Annotated>> {
    let Some(layout::Part::Panoptic { pngs, .. }) = layout::of_json(json) else {
        return Err(Error::file(json, "the folder of PNGs of that name is not beside it"));
    };
    let mut data = CocoPanoptic::open_with(json, "", &pngs, &options.things)?;
    if is_ade(json) {
        data = data.without_lost_segments();
    }
    let images: Vec<ImageEntry> = data.entries().map(|(image, _)| image.clone()).collect();
    let photos = photos_of(json, Some(&pngs), &images, options)?;
    Ok(Arc::new(data.with_images(photos)))
}

/// Whether a json is one that ADE20K's own converter makes.
pub(super) fn is_ade(json: &Path) -> bool {
    json.file_name().is_some_and(|name| name.to_string_lossy().starts_with("ade20k_panoptic"))
}

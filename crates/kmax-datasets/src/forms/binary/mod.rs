//! Folders of one binary mask an object.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kmax_masks::{Panoptic, Rle};
use kmax_transforms::{Reading, read_picture};
use sha2::Sha256;

use super::classes::{Classes, numbered, of_objects};
use super::form::Form;
use super::labelled::{Labelled, Labels, Photo, mark_file};
use super::names::class_list;
use super::options::{Options, Split};
use super::paint::{Drawn, Object};
use super::photos::{Index, items, photos_below};
use super::splits::{ALL, rank, split_of};
use super::survey::{Entries, ends};
use crate::error::{Error, Result};

/// The class of objects that have none.
const OBJECT: &str = "object";

/// Folders that are looked into to see whether they are those of an image.
const LOOKED_AT: usize = 8;

/// An image's photo and the folder of its masks.
type Pair = (PathBuf, PathBuf);

/// The images of a split.
#[derive(Debug)]
pub(super) struct Part {
    split: String,
    pairs: Vec<Pair>,
}

/// A mask with the name of its class.
type Mask = (PathBuf, String);

/// The labels of a split.
#[derive(Debug)]
struct Masks {
    root: PathBuf,
    images: Vec<Vec<Mask>>,
    classes: Classes,
}

/// The images with folders of masks: `ID/images` and `ID/masks` for each image, or `images/NAME.png` and `masks/NAME/` for all; either in
/// the folder itself or in those of splits.
///
/// # Errors
/// If a folder cannot be listed, or two photos could be meant.
pub(super) fn parts(root: &Path) -> Result<Vec<Part>> {
    let entries = Entries::of(root)?;
    let mut parts = Vec::new();
    let pairs = pairs_in(root, &entries)?;
    if !pairs.is_empty() {
        parts.push(Part { split: ALL.into(), pairs });
        return Ok(parts);
    }
    for name in &entries.folders {
        let (Some(split), folder) = (split_of(name), root.join(name)) else { continue };
        let pairs = pairs_in(&folder, &Entries::of(&folder)?)?;
        if !pairs.is_empty() {
            parts.push(Part { split: split.to_owned(), pairs });
        }
    }
    parts.sort_by_key(|part| rank(&part.split));
    Ok(parts)
}

fn pairs_in(folder: &Path, entries: &Entries) -> Result<Vec<Pair>> {
    let has = |name: &str| entries.folders.iter().any(|folder| folder == name);
    let mut pairs = Vec::new();
    if has("images") && has("masks") {
        let index = Index::of(&folder.join("images"))?;
        let masks = folder.join("masks");
        for name in Entries::of(&masks)?.folders {
            if let Some(photo) = index.find(&name)? {
                pairs.push((index.folder.join(photo), masks.join(&name)));
            }
        }
        return Ok(pairs);
    }
    for (at, name) in entries.folders.iter().enumerate() {
        let (images, masks) = (folder.join(name).join("images"), folder.join(name).join("masks"));
        if images.is_dir() && masks.is_dir() && Entries::of(&masks)?.folders.is_empty() {
            // A split of class maps has many photos.
            if let [only] = &photos_below(&images)?[..] {
                pairs.push((images.join(only), masks));
            }
        } else if pairs.is_empty() && at > LOOKED_AT {
            break;
        }
    }
    Ok(pairs)
}

/// The splits.
///
/// # Errors
/// If a folder cannot be listed, or the classes are not told apart.
pub(super) fn splits(root: &Path, options: &Options, notes: &mut Vec<String>) -> Result<Vec<Split>> {
    let list = class_list(root, options)?;
    let names: Option<Vec<String>> =
        list.as_ref().map(|(_, classes)| classes.iter().map(|class| class.name.clone()).collect());
    let only = match &names {
        Some(names) => <&[String; 1]>::try_from(&names[..]).ok().map(|[name]| name.clone()),
        None => Some(OBJECT.to_owned()),
    };
    let mut seen = BTreeSet::new();
    let mut read = Vec::new();
    for Part { split, pairs } in parts(root)? {
        let mut images = Vec::with_capacity(pairs.len());
        let mut photos = Vec::with_capacity(pairs.len());
        for (photo, folder) in pairs {
            let masks = masks_of(&folder, only.as_deref())?;
            seen.extend(masks.iter().map(|(_, class)| class.clone()));
            images.push(masks);
            photos.push(crate::names::with_slashes(
                &photo.strip_prefix(root).unwrap_or(&photo).to_string_lossy(),
            ));
        }
        read.push((split, images, photos));
    }
    let names = names.unwrap_or_else(|| {
        if seen.is_empty() { vec![OBJECT.into()] } else { seen.iter().cloned().collect() }
    });
    if let Some(unknown) = seen.iter().find(|name| !names.contains(name)) {
        let file = list.map_or_else(|| root.to_path_buf(), |(file, _)| file);
        return Err(Error::file(
            &file,
            format!("lacks the class {unknown:?}, which a folder of masks is called"),
        ));
    }
    if names == [OBJECT] {
        notes.push(format!("the masks have no class: it is called {OBJECT:?}; a list of one name (`--classes`) calls it otherwise"));
    }
    let classes = of_objects(root, numbered(names), &options.things, notes)?;
    let split = |(name, images, photos)| {
        let labels = Masks { root: root.into(), images, classes: classes.clone() };
        let data =
            Labelled::new(Form::BinaryMasks, root, classes.categories.clone(), items(root, photos), labels);
        Split { name, data: Arc::new(data) }
    };
    Ok(read.into_iter().map(split).collect())
}

/// The masks of an image: in folders that are called as their classes, else all of one class.
fn masks_of(folder: &Path, only: Option<&str>) -> Result<Vec<Mask>> {
    let mut masks = Vec::new();
    for name in photos_below(folder)? {
        let class = match (name.split_once('/'), only) {
            (Some((class, _)), _) => class.to_owned(),
            (None, Some(only)) => only.to_owned(),
            (None, None) => {
                let reason = "of several classes, masks lie in folders that are called as their class";
                return Err(Error::file(&folder.join(name), reason));
            }
        };
        masks.push((folder.join(name), class));
    }
    Ok(masks)
}

/// The pixels of a mask that are at least half as bright as its brightest one; of a JPEG, whose black is not quite black, those of at
/// least 128. Transparent pixels are black.
fn mask(file: &Path) -> Result<Rle> {
    let picture = read_picture(file, &Reading::default().with_background([0; 3]))?.image;
    let bright: Vec<u8> =
        picture.pixels().map(|pixel| pixel.0.into_iter().max().unwrap_or_default()).collect();
    let most = bright.iter().copied().max().unwrap_or_default();
    let lossy = ends(&file.to_string_lossy(), &["jpg", "jpeg", "jfif"]);
    let least = if lossy { 128 } else { most.div_ceil(2).max(1) };
    let set: Vec<bool> = bright.iter().map(|value| *value >= least).collect();
    Rle::from_mask(picture.width() as usize, picture.height() as usize, &set).map_err(Error::masks(file))
}

impl Labels for Masks {
    fn read(&self, index: usize, photo: &Photo) -> Result<Panoptic> {
        let mut drawn = Drawn::default();
        let mut size = None;
        for (file, class) in &self.images[index] {
            let mask = mask(file)?;
            let (width, height) = *size.get_or_insert((mask.width(), mask.height()));
            if (mask.width(), mask.height()) != (width, height) {
                let reason = format!(
                    "{} x {} pixels, the first mask of its image has {width} x {height}",
                    mask.width(),
                    mask.height()
                );
                return Err(Error::file(file, reason));
            }
            let class = self.classes.categories.by_name(class).map(|class| class.id).unwrap_or_default();
            drawn.objects.push(Object { class, mask, crowd: false });
        }
        let (width, height) = match size {
            Some(size) => size,
            None => photo.size()?,
        };
        drawn.paint(width, height, &self.classes).map_err(Error::masks(&self.root))
    }

    fn classes(&self, index: usize) -> Option<BTreeSet<u32>> {
        let classes =
            self.images[index].iter().filter_map(|(_, class)| self.classes.categories.by_name(class));
        Some(classes.map(|class| class.id).chain(self.classes.background).collect())
    }

    fn mark(&self, hash: &mut Sha256) -> Result<()> {
        self.images.iter().flatten().try_for_each(|(file, _)| mark_file(hash, &self.root, file))
    }
}

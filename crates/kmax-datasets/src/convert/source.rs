//! Where annotations come from.

use std::path::{Path, PathBuf};

use kmax_masks::codec::{self, TwoChannel};
use kmax_masks::{Categories, LabelMap, Panoptic};

use super::described;
use crate::cityscapes::Cityscapes;
use crate::coco::{CocoPanoptic, ImageEntry};
use crate::error::{Error, Result};
use crate::files;

/// Annotated images in one of the forms that are read.
#[derive(Clone, Debug)]
pub struct Source {
    form: Form,
    categories: Categories,
}

#[derive(Clone, Debug)]
enum Form {
    Panoptic(CocoPanoptic),
    Cityscapes(Cityscapes),
    Channels { folder: PathBuf, names: Vec<String>, three: bool },
}

impl Source {
    /// A folder in COCO's panoptic form.
    pub fn panoptic(dataset: CocoPanoptic) -> Self {
        let categories = dataset.categories().clone();
        Self { form: Form::Panoptic(dataset), categories }
    }

    /// The instance maps of Cityscapes; classes are train ids.
    pub fn cityscapes(dataset: Cityscapes) -> Self {
        Self { form: Form::Cityscapes(dataset), categories: Categories::cityscapes() }
    }

    /// A folder of two-channel PNGs, or of deeplab2's three-channel ones. Class 0 is void if `categories` does not have
    /// it, else 255 is.
    ///
    /// # Errors
    /// If there is no PNG.
    pub fn channels(folder: &Path, categories: Categories, three: bool) -> Result<Self> {
        let names = files::below(folder, ".png")?;
        if names.is_empty() {
            return Err(Error::file(folder, "no PNG is here"));
        }
        Ok(Self { form: Form::Channels { folder: folder.into(), names, three }, categories })
    }

    /// The classes.
    pub fn categories(&self) -> &Categories {
        &self.categories
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        match &self.form {
            Form::Panoptic(dataset) => dataset.len(),
            Form::Cityscapes(dataset) => dataset.images().len(),
            Form::Channels { names, .. } => names.len(),
        }
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads an image's segments.
    ///
    /// # Errors
    /// If its file is missing or damaged, or holds an unknown class.
    pub fn read(&self, index: usize) -> Result<(ImageEntry, Panoptic)> {
        let past = || Error::setting("index", format!("there are {} images only", self.len()));
        match &self.form {
            Form::Panoptic(dataset) => {
                let image = dataset.entries().nth(index).ok_or_else(past)?.0.clone();
                Ok((image, dataset.panoptic(index)?))
            }
            Form::Cityscapes(dataset) => {
                let image = dataset.images().get(index).ok_or_else(past)?;
                let panoptic = dataset.panoptic(image)?;
                let file = dataset.instance_path(image);
                let mut entry = described(&image.id, panoptic.map.width(), panoptic.map.height(), &file)?;
                entry.file_name = format!("{}/{}_leftImg8bit.png", image.city, image.id);
                Ok((entry, panoptic))
            }
            Form::Channels { folder, names, three } => {
                let name = names.get(index).ok_or_else(past)?;
                let file = folder.join(name);
                let bytes = files::read(&file)?;
                let decode = if *three { codec::decode_three_channel } else { codec::decode_two_channel };
                let panoptic = self.joined(&decode(&bytes).map_err(Error::masks(&file))?, &file)?;
                Ok((described(name, panoptic.map.width(), panoptic.map.height(), &file)?, panoptic))
            }
        }
    }

    /// The segments of class and instance maps: ids are `class * 65536 + instance + 1`, void is 0.
    fn joined(&self, maps: &TwoChannel, file: &Path) -> Result<Panoptic> {
        let void = void(&self.categories);
        let combined = maps.combine(1 << 16).map_err(Error::masks(file))?;
        let id = |label: u32| if label >> 16 == void { 0 } else { label + 1 };
        let class = |id: u32| (id - 1) >> 16;
        let map: LabelMap = combined.map(id);
        let panoptic = Panoptic::from_map(map, |id| (class(id), false));
        let known = |segment: &&kmax_masks::Segment| self.categories.get(segment.category_id).is_none();
        match panoptic.segments.iter().find(known) {
            Some(segment) => {
                let entry = format!("{} pixels", segment.area);
                Err(Error::entry(file, entry, format!("hold the unknown class {}", segment.category_id)))
            }
            None => Ok(panoptic),
        }
    }
}

/// The class of void in the forms of channels.
pub(super) fn void(categories: &Categories) -> u32 {
    if categories.get(0).is_some() { 255 } else { 0 }
}

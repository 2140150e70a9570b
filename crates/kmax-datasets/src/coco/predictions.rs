//! Panoptic predictions as the official evaluation reads them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use kmax_masks::{Categories, ImageId, Panoptic};
use serde::Deserialize;

use super::entries::Annotation;
use super::ids::Listed;
use super::panoptic::check_segments;
use crate::error::{Error, Result};
use crate::names::{Folder, check_name};
use crate::{json, png};

/// A json of panoptic predictions with its folder of PNGs. Only `annotations` is needed of the json; entries are
/// looked at when they are asked for.
#[derive(Clone, Debug)]
pub struct CocoPredictions {
    json: PathBuf,
    pngs: Folder,
    annotations: Vec<Annotation>,
    positions: HashMap<ImageId, usize>,
}

/// What is read of the json; anything else in it is left alone.
#[derive(Deserialize)]
struct Annotations {
    annotations: Vec<Annotation>,
}

impl CocoPredictions {
    /// Reads the json.
    ///
    /// # Errors
    /// If it cannot be read, or an image has two annotations.
    pub fn open(json: impl AsRef<Path>, pngs: impl AsRef<Path>) -> Result<Self> {
        let json = json.as_ref();
        let file: Annotations = json::read(json)?;
        let mut positions = HashMap::with_capacity(file.annotations.len());
        for (position, annotation) in file.annotations.iter().enumerate() {
            if positions.insert(annotation.image_id.clone(), position).is_some() {
                let entry = format!("annotations[{position}] (image {})", annotation.image_id);
                return Err(Error::entry(json, entry, "the image has two annotations"));
            }
        }
        let names = file.annotations.iter().map(|annotation| annotation.file_name.as_str());
        let pngs = Folder::of(pngs.as_ref(), names);
        Ok(Self { json: json.into(), pngs, annotations: file.annotations, positions })
    }

    /// The number of images with a prediction.
    pub fn len(&self) -> usize {
        self.annotations.len()
    }

    /// Whether there is no prediction.
    pub fn is_empty(&self) -> bool {
        self.annotations.is_empty()
    }

    /// Where the PNG of an image is, `None` for an image without a prediction or with two files that could be meant.
    pub fn png_path(&self, image: &ImageId) -> Option<PathBuf> {
        self.pngs.file(&self.annotations[*self.positions.get(image)?].file_name).ok()
    }

    /// The entry of an image, with its place in the file.
    pub(crate) fn entry(&self, image: &ImageId) -> Option<(usize, &Annotation)> {
        let position = *self.positions.get(image)?;
        Some((position, &self.annotations[position]))
    }

    /// The prediction of an image.
    ///
    /// # Errors
    /// If there is none; an id is listed twice or a class is unknown; or the PNG is missing or damaged.
    pub fn panoptic(&self, image: &ImageId, categories: &Categories) -> Result<Panoptic> {
        let Some(&position) = self.positions.get(image) else {
            let ids = self.annotations.iter().map(|annotation| &annotation.image_id);
            let lack = Listed::new(ids, "`annotations`").lack(image);
            let reason = format!("there is no prediction for it: {lack}");
            return Err(Error::entry(&self.json, format!("image {image}"), reason));
        };
        let annotation = &self.annotations[position];
        check_name(&annotation.file_name).and_then(|()| check_segments(annotation, categories)).map_err(
            |reason| Error::entry(&self.json, format!("annotations[{position}] (image {image})"), reason),
        )?;
        Ok(annotation
            .over(png::read_panoptic_of(&self.pngs.file(&annotation.file_name)?, &annotation.segment_ids())?))
    }
}

//! Panoptic predictions as the official evaluation reads them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use kmax_masks::{Categories, Panoptic};

use super::panoptic::{check_name, check_segments};
use super::{Annotation, ImageId, PanopticFile};
use crate::{Error, Result, json, png};

/// A json of panoptic predictions with its folder of PNGs. Only `annotations` is needed of the json; entries are
/// looked at when they are asked for.
#[derive(Clone, Debug)]
pub struct CocoPredictions {
    json: PathBuf,
    pngs: PathBuf,
    annotations: Vec<Annotation>,
    positions: HashMap<ImageId, usize>,
}

impl CocoPredictions {
    /// Reads the json.
    ///
    /// # Errors
    /// If it cannot be read, or an image has two annotations.
    pub fn open(json: impl AsRef<Path>, pngs: impl AsRef<Path>) -> Result<Self> {
        let json = json.as_ref();
        let file: PanopticFile = json::read(json)?;
        let mut positions = HashMap::with_capacity(file.annotations.len());
        for (position, annotation) in file.annotations.iter().enumerate() {
            if positions.insert(annotation.image_id.clone(), position).is_some() {
                let entry = format!("annotations[{position}] (image {})", annotation.image_id);
                return Err(Error::entry(json, entry, "the image has two annotations"));
            }
        }
        Ok(Self { json: json.into(), pngs: pngs.as_ref().into(), annotations: file.annotations, positions })
    }

    /// The number of images with a prediction.
    pub fn len(&self) -> usize {
        self.annotations.len()
    }

    /// Whether there is no prediction.
    pub fn is_empty(&self) -> bool {
        self.annotations.is_empty()
    }

    /// Where the PNG of an image is, `None` for an image without a prediction.
    pub fn png_path(&self, image: &ImageId) -> Option<PathBuf> {
        Some(self.pngs.join(&self.annotations[*self.positions.get(image)?].file_name))
    }

    /// The prediction of an image.
    ///
    /// # Errors
    /// If there is none; an id is listed twice or a class is unknown; or the PNG is missing or damaged.
    pub fn panoptic(&self, image: &ImageId, categories: &Categories) -> Result<Panoptic> {
        let Some(&position) = self.positions.get(image) else {
            return Err(Error::entry(&self.json, format!("image {image}"), "there is no prediction for it"));
        };
        let annotation = &self.annotations[position];
        check_name(&annotation.file_name).and_then(|()| check_segments(annotation, categories)).map_err(
            |reason| Error::entry(&self.json, format!("annotations[{position}] (image {image})"), reason),
        )?;
        Ok(annotation.over(png::read_panoptic(&self.pngs.join(&annotation.file_name))?))
    }
}

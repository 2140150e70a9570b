//! Panoptic quality (Kirillov et al., "Panoptic Segmentation", CVPR 2019).

pub mod errors;
mod image;
mod matching;
mod report;
mod streaming;

use kmax_masks::{Categories, ImageId, Panoptic};

use crate::error::Result;
use crate::images::Images;
use crate::provenance::Provenance;

use matching::Matching;

pub use image::{Counts, ImageQuality};
pub use report::{ClassCounts, ClassQuality, Group, PanopticReport};
pub use streaming::{StreamingCounts, StreamingQuality, StreamingReport};

/// Whose report is written; the numbers are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Convention {
    /// panopticapi, for COCO and ADE20K.
    #[default]
    Coco,
    /// cityscapesScripts' copy of it, which prints every class.
    Cityscapes,
}

/// Panoptic quality over a set of images, as panopticapi computes it.
#[derive(Clone, Debug)]
pub struct PanopticQuality {
    categories: Categories,
    convention: Convention,
    images: Images<ImageQuality>,
}

impl PanopticQuality {
    /// Nothing seen yet.
    pub fn new(categories: Categories) -> Self {
        Self { categories, convention: Convention::Coco, images: Images::default() }
    }

    /// The same with the report of another script.
    pub fn with_convention(self, convention: Convention) -> Self {
        Self { convention, ..self }
    }

    /// What one image contributes; changes nothing, so that threads can share `self`.
    ///
    /// Of the ground truth, areas and crowd flags of the segment list count; of the prediction, only ids and
    /// categories do.
    ///
    /// # Errors
    /// If the maps differ in size; a category is unknown; an id is listed twice; or a predicted id is in the map
    /// and not in the list (0 excepted), or the reverse.
    pub fn compare(&self, truth: &Panoptic, prediction: &Panoptic) -> Result<ImageQuality> {
        Ok(ImageQuality::from(&Matching::new(&self.categories, truth, prediction)?))
    }

    /// Keeps what [`Self::compare`] found in an image.
    ///
    /// # Errors
    /// If the image was added before.
    pub fn insert(&mut self, image: ImageId, found: ImageQuality) -> Result<()> {
        self.images.insert(image, found)
    }

    /// Compares and keeps.
    ///
    /// # Errors
    /// As [`Self::compare`] and [`Self::insert`], naming the image.
    pub fn add(&mut self, image: ImageId, truth: &Panoptic, prediction: &Panoptic) -> Result<()> {
        let found = self.compare(truth, prediction).map_err(|error| error.in_image(&image))?;
        self.insert(image, found)
    }

    /// The images of both.
    ///
    /// # Errors
    /// If the categories differ or an image is in both.
    pub fn merge(self, other: Self) -> Result<Self> {
        if self.categories != other.categories {
            return Err(crate::error::Error::Merge("categories"));
        }
        Ok(Self { images: self.images.merge(other.images)?, ..self })
    }

    /// The number of images seen.
    pub fn images(&self) -> usize {
        self.images.len()
    }

    /// The numbers over all images.
    pub fn report(&self) -> PanopticReport {
        let provenance = Provenance::new("panopticapi, match at IoU > threshold", &[0.5], self.images.len());
        report::report(&self.categories, self.convention, &self.images, provenance)
    }
}

#[cfg(test)]
mod tests;

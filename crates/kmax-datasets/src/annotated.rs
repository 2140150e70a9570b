//! What every labelled dataset is to those who train on it, measure on it or look at it.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::{Path, PathBuf};

use kmax_masks::{Categories, ImageId, Panoptic};
use kmax_transforms::{RgbImage, Sample, read_image};
use sha2::{Digest, Sha256};

use crate::coco::CocoPanoptic;
use crate::error::{Error, Result};
use crate::hex::hex;
use crate::turned::turned;

/// Images with their segments, in whatever form they are stored. Images have places from 0 to [`Self::len`] - 1.
pub trait Annotated: Debug + Send + Sync {
    /// The number of annotated images.
    fn len(&self) -> usize;

    /// Whether no image is annotated.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The classes.
    fn categories(&self) -> &Categories;

    /// What the dataset calls the image; unlike any other of its images.
    ///
    /// # Errors
    /// If the place is past the end.
    fn id(&self, index: usize) -> Result<ImageId>;

    /// Where the image's file is, or should be.
    ///
    /// # Errors
    /// If two files could be meant, or the place is past the end.
    fn image_path(&self, index: usize) -> Result<PathBuf>;

    /// The image's segments, at the size of the image as it is shown (EXIF orientation applied).
    ///
    /// # Errors
    /// If its labels are missing or damaged.
    fn panoptic(&self, index: usize) -> Result<Panoptic>;

    /// The classes that the image has, as a list of annotations tells them; labels are read where there is none.
    ///
    /// # Errors
    /// As [`Self::panoptic`].
    fn classes(&self, index: usize) -> Result<BTreeSet<u32>> {
        Ok(self.panoptic(index)?.segments.iter().map(|segment| segment.category_id).collect())
    }

    /// A digest of what the labels say, as far as it can be told without reading every one: two datasets of one digest are
    /// taken for the same one when a run is resumed.
    ///
    /// # Errors
    /// If a file is missing.
    fn digest(&self) -> Result<String>;

    /// The dataset itself where it lies on disk in COCO's panoptic form, which those who take files need not write anew.
    fn as_coco_panoptic(&self) -> Option<&CocoPanoptic> {
        None
    }

    /// The image with its segments.
    ///
    /// # Errors
    /// If a file is missing or damaged, or image and labels differ in size.
    fn sample(&self, index: usize) -> Result<Sample> {
        let panoptic = self.panoptic(index)?;
        let file = self.image_path(index)?;
        joined(&file, read_image(&file)?, panoptic, self.id(index)?)
    }
}

/// An image with its segments, if they are of one size.
pub(crate) fn joined(file: &Path, image: RgbImage, panoptic: Panoptic, image_id: ImageId) -> Result<Sample> {
    let (found, labels) = (image.dimensions(), (panoptic.map.width() as u32, panoptic.map.height() as u32));
    if found != labels {
        let reason = turned(file, found, labels).unwrap_or_else(|| {
            format!("{} x {} pixels, but its labels have {} x {}", found.0, found.1, labels.0, labels.1)
        });
        return Err(Error::file(file, reason));
    }
    Ok(Sample { image, panoptic, image_id })
}

impl Annotated for CocoPanoptic {
    fn len(&self) -> usize {
        CocoPanoptic::len(self)
    }

    fn categories(&self) -> &Categories {
        CocoPanoptic::categories(self)
    }

    fn id(&self, index: usize) -> Result<ImageId> {
        Ok(self.entry(index)?.0.id.clone())
    }

    fn image_path(&self, index: usize) -> Result<PathBuf> {
        CocoPanoptic::image_path(self, index)
    }

    fn panoptic(&self, index: usize) -> Result<Panoptic> {
        CocoPanoptic::panoptic(self, index)
    }

    fn classes(&self, index: usize) -> Result<BTreeSet<u32>> {
        Ok(self.entry(index)?.1.segments_info.iter().map(|segment| segment.category_id).collect())
    }

    fn digest(&self) -> Result<String> {
        Ok(hex(&Sha256::digest(crate::files::read_list(self.json())?)))
    }

    fn as_coco_panoptic(&self) -> Option<&CocoPanoptic> {
        Some(self)
    }

    fn sample(&self, index: usize) -> Result<Sample> {
        CocoPanoptic::sample(self, index)
    }
}

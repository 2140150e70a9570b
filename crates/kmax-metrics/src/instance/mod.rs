//! Mask AP as pycocotools computes it (`COCOeval`, `iouType = segm`).

mod curve;
mod matching;
mod report;

use kmax_masks::{Categories, ImageId, Rle};

use crate::error::{Error, Result};
use crate::images::Images;
use crate::provenance::Provenance;

pub use matching::ImageMatches;
pub use report::{CategoryAp, InstanceReport, PerRange, Stats};

/// The IoU thresholds. A detection matches at or above them, so the last digit matters: these are the values
/// that pycocotools has.
#[allow(clippy::excessive_precision, reason = "0.9 is one step below the nearest number")]
pub const THRESHOLDS: [f64; 10] = [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.8999999999999999, 0.95];

/// The ranges of area, closed at both ends: all, small, medium, large (pixels).
pub const AREA_RANGES: [[f64; 2]; 4] = [[0.0, 1e10], [0.0, 1024.0], [1024.0, 9216.0], [9216.0, 1e10]];

/// How many detections of an image and category are looked at.
pub const LIMITS: [usize; 3] = [1, 10, 100];

/// An object of the ground truth.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// The annotation's id. pycocotools takes 0 for "no match": a detection that takes such an object counts as one
    /// that found nothing. (The sample annotations of panopticapi have one.)
    pub id: i64,
    /// The class.
    pub category_id: u32,
    /// Its mask.
    pub mask: Rle,
    /// The area of the annotation in pixels, which decides its range; not always that of the mask.
    pub area: f64,
    /// Whether it stands for a group.
    pub iscrowd: bool,
}

/// A detected object.
#[derive(Clone, Debug, PartialEq)]
pub struct Detection {
    /// The class.
    pub category_id: u32,
    /// Its mask; the area of the mask decides its range.
    pub mask: Rle,
    /// The confidence.
    pub score: f64,
}

/// Mask AP and AR over a set of images.
///
/// Within an image, objects and detections are taken in the order given (that of the files): it decides between
/// equal scores and equal IoUs.
#[derive(Clone, Debug)]
pub struct MaskAp {
    categories: Categories,
    images: Images<ImageMatches>,
}

impl MaskAp {
    /// Nothing seen yet.
    pub fn new(categories: Categories) -> Self {
        Self { categories, images: Images::default() }
    }

    /// What one image contributes; changes nothing, so that threads can share `self`.
    ///
    /// # Errors
    /// If a category is unknown, a score is not finite, an area is negative or no number, or masks of one image
    /// differ in size.
    pub fn compare(&self, truths: &[Truth], detections: &[Detection]) -> Result<ImageMatches> {
        let known = |what, index, category_id| match self.categories.index_of(category_id) {
            Some(category) => Ok(category),
            None => Err(Error::Entry { what, index, problem: format!("unknown category_id {category_id}") }),
        };
        let mut truth_index = Vec::with_capacity(truths.len());
        for (index, truth) in truths.iter().enumerate() {
            truth_index.push(known("annotation", index, truth.category_id)?);
            if !truth.area.is_finite() || truth.area < 0.0 {
                let problem = format!("an area of {} is not possible", truth.area);
                return Err(Error::Entry { what: "annotation", index, problem });
            }
        }
        let mut detection_index = Vec::with_capacity(detections.len());
        for (index, detection) in detections.iter().enumerate() {
            detection_index.push(known("detection", index, detection.category_id)?);
            if !detection.score.is_finite() {
                let problem = format!("a score of {} is not possible", detection.score);
                return Err(Error::Entry { what: "detection", index, problem });
            }
        }
        let mut masks = truths.iter().map(|t| &t.mask).chain(detections.iter().map(|d| &d.mask));
        if let Some(first) = masks.next()
            && let Some(other) = masks.find(|mask| mask.size() != first.size())
        {
            return Err(kmax_masks::Error::SizesDiffer {
                left_width: first.width(),
                left_height: first.height(),
                right_width: other.width(),
                right_height: other.height(),
            }
            .into());
        }
        let truths: Vec<_> = truth_index.into_iter().zip(truths).collect();
        let detections: Vec<_> = detection_index.into_iter().zip(detections).collect();
        matching::image(&truths, &detections)
    }

    /// Keeps what [`Self::compare`] found in an image.
    ///
    /// # Errors
    /// If the image was added before.
    pub fn insert(&mut self, image: ImageId, found: ImageMatches) -> Result<()> {
        self.images.insert(image, found)
    }

    /// Compares and keeps.
    ///
    /// # Errors
    /// As [`Self::compare`] and [`Self::insert`], naming the image.
    pub fn add(&mut self, image: ImageId, truths: &[Truth], detections: &[Detection]) -> Result<()> {
        let found = self.compare(truths, detections).map_err(|error| error.in_image(&image))?;
        self.insert(image, found)
    }

    /// The images of both.
    ///
    /// # Errors
    /// If the categories differ or an image is in both.
    pub fn merge(self, other: Self) -> Result<Self> {
        if self.categories != other.categories {
            return Err(Error::Merge("categories"));
        }
        Ok(Self { images: self.images.merge(other.images)?, ..self })
    }

    /// The number of images seen.
    pub fn images(&self) -> usize {
        self.images.len()
    }

    /// The numbers over all images.
    pub fn report(&self) -> InstanceReport {
        let convention = "pycocotools COCOeval, masks, match at IoU >= threshold";
        let provenance = Provenance::new(convention, &THRESHOLDS, self.images.len());
        report::report(&self.categories, &self.images, provenance)
    }
}

#[cfg(test)]
mod tests;

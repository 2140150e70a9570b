//! mIoU, fwIoU and accuracies from one confusion matrix, as ADE20K is evaluated (detectron2's
//! `SemSegEvaluator`).

mod confusion;
mod report;

use std::collections::HashMap;

use kmax_masks::{Categories, ImageId, LabelMap, Panoptic, Segment};

use crate::error::{Error, Result};
use crate::images::Images;
use crate::provenance::Provenance;

pub use confusion::ConfusionMatrix;
pub use report::{SemanticClass, SemanticReport};

/// What one image contributes: its confusion matrix, without the zeros.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImageConfusion {
    /// (class of the ground truth, class of the prediction, pixels) by contiguous index; the index after the
    /// last class stands for the ignored label of the ground truth, and for no class in a prediction.
    entries: Vec<(u32, u32, u64)>,
}

/// Semantic segmentation over a set of images.
///
/// Maps hold contiguous indices 0..classes; pixels of the ground truth with the ignored label count nowhere. A
/// class that is nowhere in the ground truth is left out of the means.
#[derive(Clone, Debug)]
pub struct SemanticQuality {
    categories: Categories,
    ignored: u32,
    images: Images<ImageConfusion>,
}

impl SemanticQuality {
    /// Nothing seen yet. `ignored` is the label of the ground truth that does not count (255 in ADE20K).
    pub fn new(categories: Categories, ignored: u32) -> Self {
        Self { categories, ignored, images: Images::default() }
    }

    /// What one image contributes; changes nothing, so that threads can share `self`.
    ///
    /// # Errors
    /// If the maps differ in size, or a pixel holds a class that is not known (or, in the ground truth, ignored).
    pub fn compare(&self, truth: &LabelMap, prediction: &LabelMap) -> Result<ImageConfusion> {
        let classes = self.categories.len();
        let mut matrix = ConfusionMatrix::new(classes + 1, classes);
        let ignored = self.ignored;
        // The ignored label takes the row after the last class; what is no class has none.
        let row = |label: u32| match label {
            label if label == ignored => classes,
            label if (label as usize) < classes => label as usize,
            _ => usize::MAX,
        };
        matrix.count(truth, prediction, row)?;
        Ok(ImageConfusion { entries: matrix.nonzero() })
    }

    /// What one image contributes if its segments are read as their classes, without regard to instances.
    ///
    /// Void of the ground truth (and what none of its segments covers) is ignored. A predicted pixel without a
    /// segment is of no class: where the ground truth has one, that class has missed it.
    ///
    /// # Errors
    /// If the maps differ in size or a segment's class is not known.
    pub fn compare_panoptic(&self, truth: &Panoptic, prediction: &Panoptic) -> Result<ImageConfusion> {
        let classes = self.categories.len();
        let indices = |side, panoptic: &Panoptic| {
            let index = |segment: &Segment| match self.categories.index_of(segment.category_id) {
                Some(index) => Ok((segment.id, index as u32)),
                None => {
                    let problem = format!("unknown category_id {}", segment.category_id);
                    Err(Error::Segment { side, id: segment.id, problem })
                }
            };
            let index: HashMap<u32, u32> = panoptic.segments.iter().map(index).collect::<Result<_>>()?;
            Ok::<_, Error>(panoptic.map.map(|id| index.get(&id).copied().unwrap_or(classes as u32)))
        };
        let (truth, prediction) = (indices("ground truth", truth)?, indices("predicted", prediction)?);
        let mut matrix = ConfusionMatrix::new(classes + 1, classes + 1);
        matrix.count(&truth, &prediction, |label| label as usize)?;
        Ok(ImageConfusion { entries: matrix.nonzero() })
    }

    /// Keeps what [`Self::compare`] found in an image.
    ///
    /// # Errors
    /// If the image was added before.
    pub fn insert(&mut self, image: ImageId, found: ImageConfusion) -> Result<()> {
        self.images.insert(image, found)
    }

    /// Compares and keeps.
    ///
    /// # Errors
    /// As [`Self::compare`] and [`Self::insert`], naming the image.
    pub fn add(&mut self, image: ImageId, truth: &LabelMap, prediction: &LabelMap) -> Result<()> {
        let found = self.compare(truth, prediction).map_err(|error| error.in_image(&image))?;
        self.insert(image, found)
    }

    /// The images of both.
    ///
    /// # Errors
    /// If the classes differ or an image is in both.
    pub fn merge(self, other: Self) -> Result<Self> {
        if (&self.categories, self.ignored) != (&other.categories, other.ignored) {
            return Err(Error::Merge("classes"));
        }
        Ok(Self { images: self.images.merge(other.images)?, ..self })
    }

    /// The number of images seen.
    pub fn images(&self) -> usize {
        self.images.len()
    }

    /// The numbers over all images.
    pub fn report(&self) -> SemanticReport {
        let convention = "detectron2 SemSegEvaluator: means over the classes of the ground truth";
        let provenance = Provenance::new(convention, &[], self.images.len());
        report::report(&self.categories, &self.images, provenance)
    }
}

impl ImageConfusion {
    pub(crate) fn entries(&self) -> &[(u32, u32, u64)] {
        &self.entries
    }
}

#[cfg(test)]
mod tests;

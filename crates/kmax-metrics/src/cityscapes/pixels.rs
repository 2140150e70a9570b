//! Class and category IoU: counting the pixels of one image.

use std::collections::BTreeMap;

use kmax_masks::categories::cityscapes::LABELS;
use kmax_masks::cityscapes::{INSTANCE_BASE, split};
use kmax_masks::{ImageId, LabelMap};

use super::pixels_report::{self, CityscapesPixelReport};
use crate::error::{Error, Result};
use crate::images::Images;
use crate::semantic::ConfusionMatrix;

/// A single object and how much of it was labelled right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Object {
    /// The regular id of its class.
    pub class: u32,
    pub pixels: u64,
    /// Pixels predicted as its class.
    pub right: u64,
    /// Pixels predicted as any class with instances of its category.
    pub right_category: u64,
}

/// What one image contributes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImagePixels {
    /// (ground truth, prediction, pixels) by regular id.
    pub(super) confusion: Vec<(u32, u32, u64)>,
    pub(super) objects: Vec<Object>,
}

/// Cityscapes' pixel evaluation over a set of images.
#[derive(Clone, Debug, Default)]
pub struct CityscapesPixels {
    images: Images<ImagePixels>,
}

impl CityscapesPixels {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What one image contributes, from its `labelIds`, its `instanceIds` and the predicted regular ids.
    ///
    /// # Errors
    /// If the maps differ in size, a pixel holds no regular id (0..33), or an object is of a class without
    /// instances.
    pub fn compare(labels: &LabelMap, instance_ids: &LabelMap, prediction: &LabelMap) -> Result<ImagePixels> {
        let mut matrix = ConfusionMatrix::new(LABELS.len(), LABELS.len());
        matrix.count(labels, prediction, |label| label as usize)?;
        instance_ids.same_size(prediction)?;
        let mut objects: BTreeMap<u32, Object> = BTreeMap::new();
        let mut runs = instance_ids.data().iter().zip(prediction.data()).peekable();
        while let Some((&id, &guess)) = runs.next() {
            let mut run = 1;
            while runs.next_if(|&(&next, &same)| next == id && same == guess).is_some() {
                run += 1;
            }
            if id <= INSTANCE_BASE {
                continue;
            }
            let class = split(id).0;
            let Some(label) = LABELS.get(class as usize) else {
                let problem = format!("{class} is no label");
                return Err(Error::Segment { side: "ground truth", id, problem });
            };
            if label.ignored() {
                continue;
            }
            if !label.has_instances {
                let problem = format!("class {} has no instances", label.name);
                return Err(Error::Segment { side: "ground truth", id, problem });
            }
            let object =
                objects.entry(id).or_insert(Object { class, pixels: 0, right: 0, right_category: 0 });
            object.pixels += run;
            object.right += if guess == class { run } else { 0 };
            let guessed = &LABELS[guess as usize];
            let related = guessed.has_instances && guessed.category == label.category;
            object.right_category += if related { run } else { 0 };
        }
        Ok(ImagePixels { confusion: matrix.nonzero(), objects: objects.into_values().collect() })
    }

    /// Keeps what [`Self::compare`] found in an image.
    ///
    /// # Errors
    /// If the image was added before.
    pub fn insert(&mut self, image: ImageId, found: ImagePixels) -> Result<()> {
        self.images.insert(image, found)
    }

    /// Compares and keeps.
    ///
    /// # Errors
    /// As [`Self::compare`] and [`Self::insert`], naming the image.
    pub fn add(
        &mut self,
        image: ImageId,
        labels: &LabelMap,
        instance_ids: &LabelMap,
        prediction: &LabelMap,
    ) -> Result<()> {
        let found =
            Self::compare(labels, instance_ids, prediction).map_err(|error| error.in_image(&image))?;
        self.insert(image, found)
    }

    /// The images of both.
    ///
    /// # Errors
    /// If an image is in both.
    pub fn merge(self, other: Self) -> Result<Self> {
        Ok(Self { images: self.images.merge(other.images)? })
    }

    /// The number of images seen.
    pub fn images(&self) -> usize {
        self.images.len()
    }

    /// The numbers over all images.
    pub fn report(&self) -> CityscapesPixelReport {
        pixels_report::report(&self.images)
    }
}

//! Objects found and missed by threshold: `AP = TP / (TP + FP + FN)`, as StarDist (Schmidt et al., MICCAI 2018, `matching_dataset`) and Cellpose
//! report it. It has no scores and no curve, and is not COCO's AP, which [`MaskAp`](crate::MaskAp) is.

mod report;

use std::collections::{BTreeMap, HashMap, HashSet};

use kmax_masks::{Categories, ImageId, Panoptic, Segment};

use crate::error::{Error, Result};
use crate::images::Images;
use crate::pairs::pairs;

pub use report::{ClassObjects, Line, ObjectReport, Totals};

/// The IoU from which on two objects are one: 0.5 to 0.9.
pub const THRESHOLDS: [f64; 9] = [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9];

/// What one class has in one image at one threshold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Found {
    /// Objects of the ground truth that were found.
    pub tp: u64,
    /// Predicted objects that are none.
    pub fp: u64,
    /// Objects of the ground truth that were missed.
    #[serde(rename = "fn")]
    pub fn_: u64,
}

impl Found {
    /// `TP / (TP + FP + FN)`; `None` without any object.
    pub fn ap(&self) -> Option<f64> {
        let all = self.tp + self.fp + self.fn_;
        (all > 0).then(|| self.tp as f64 / all as f64)
    }
}

impl std::ops::AddAssign for Found {
    fn add_assign(&mut self, other: Self) {
        self.tp += other.tp;
        self.fp += other.fp;
        self.fn_ += other.fn_;
    }
}

/// What one image contributes: at each of [`THRESHOLDS`], by category id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageObjects(BTreeMap<u32, [Found; THRESHOLDS.len()]>);

/// Objects found and missed over a set of images.
#[derive(Clone, Debug)]
pub struct Objects {
    categories: Categories,
    images: Images<ImageObjects>,
}

impl Objects {
    /// Nothing seen yet.
    pub fn new(categories: Categories) -> Self {
        Self { categories, images: Images::default() }
    }

    /// What one image contributes; changes nothing, so that threads can share `self`.
    ///
    /// Things of the same class are matched by the pixels of the maps. What StarDist does not know counts as in panoptic quality: crowds of the
    /// ground truth are no objects, and a prediction that lies on void or on a crowd of its class with more than half of its pixels is no error.
    ///
    /// # Errors
    /// If the maps differ in size, or a category is unknown.
    pub fn compare(&self, truth: &Panoptic, prediction: &Panoptic) -> Result<ImageObjects> {
        let truths = self.things("ground truth", truth)?;
        let predictions = self.things("predicted", prediction)?;
        let shared = pairs(&truth.map, &prediction.map)?;
        let (mut area, mut predicted_area) = (HashMap::<u32, u64>::new(), HashMap::<u32, u64>::new());
        let mut nothing = HashMap::<u32, u64>::new();
        let mut ious = Vec::new();
        for &((real, guess), pixels) in &shared {
            *area.entry(real).or_default() += pixels;
            *predicted_area.entry(guess).or_default() += pixels;
        }
        for ((real, guess), pixels) in shared {
            let Some(guessed) = predictions.get(&guess) else { continue };
            match truths.get(&real) {
                Some(truth) if truth.category_id != guessed.category_id => {}
                Some(truth) if truth.iscrowd => *nothing.entry(guess).or_default() += pixels,
                Some(_) => {
                    let union = area[&real] + predicted_area[&guess] - pixels;
                    ious.push((real, guess, pixels as f64 / union as f64));
                }
                None if real == 0 => *nothing.entry(guess).or_default() += pixels,
                None => {}
            }
        }
        let counts = |id: &u32| {
            2 * nothing.get(id).copied().unwrap_or(0) <= predicted_area.get(id).copied().unwrap_or(0)
        };
        let mut found = ImageObjects::default();
        for (at, threshold) in THRESHOLDS.into_iter().enumerate() {
            let (real, guessed) = matched(&ious, threshold);
            for (id, segment) in truths.iter().filter(|(_, segment)| !segment.iscrowd) {
                let class = &mut found.0.entry(segment.category_id).or_default()[at];
                *(if real.contains(id) { &mut class.tp } else { &mut class.fn_ }) += 1;
            }
            for (id, segment) in predictions.iter().filter(|(id, _)| !guessed.contains(id) && counts(id)) {
                found.0.entry(segment.category_id).or_default()[at].fp +=
                    u64::from(predicted_area.contains_key(id));
            }
        }
        Ok(found)
    }

    /// Keeps what [`Self::compare`] found in an image.
    ///
    /// # Errors
    /// If the image was added before.
    pub fn insert(&mut self, image: ImageId, found: ImageObjects) -> Result<()> {
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
            return Err(Error::Merge("categories"));
        }
        Ok(Self { images: self.images.merge(other.images)?, ..self })
    }

    /// The numbers over all images.
    pub fn report(&self) -> ObjectReport {
        report::report(&self.categories, &self.images)
    }

    /// The things of a side by id; each has a pixel if its list says the truth.
    fn things<'a>(&self, side: &'static str, panoptic: &'a Panoptic) -> Result<HashMap<u32, &'a Segment>> {
        let mut things = HashMap::new();
        for segment in &panoptic.segments {
            let category = self.categories.get(segment.category_id).ok_or_else(|| Error::Segment {
                side,
                id: segment.id,
                problem: format!("unknown category_id {}", segment.category_id),
            })?;
            if category.isthing {
                things.insert(segment.id, segment);
            }
        }
        Ok(things)
    }
}

/// The matched ids of both sides. Above a half nothing has two partners. At exactly a half an object may have two, each of which is a half of it
/// and has no other: whichever is taken, the number of matches is the largest.
fn matched(ious: &[(u32, u32, f64)], threshold: f64) -> (HashSet<u32>, HashSet<u32>) {
    let (mut real, mut guessed) = (HashSet::new(), HashSet::new());
    for &(truth, prediction, iou) in ious {
        if iou >= threshold && !real.contains(&truth) && !guessed.contains(&prediction) {
            real.insert(truth);
            guessed.insert(prediction);
        }
    }
    (real, guessed)
}

#[cfg(test)]
mod tests;

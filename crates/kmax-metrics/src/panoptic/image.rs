//! What one image contributes.

use std::collections::BTreeMap;

use serde::Serialize;

use super::matching::Matching;

/// What one class has in one image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Counts {
    /// The sum of IoU over the matches.
    pub iou: f64,
    /// Matches.
    pub tp: u64,
    /// Predicted segments without a match.
    pub fp: u64,
    /// Ground truth segments without a match.
    #[serde(rename = "fn")]
    pub fn_: u64,
}

impl Counts {
    /// True positives plus half of the errors.
    fn weight(&self) -> f64 {
        self.tp as f64 + 0.5 * self.fp as f64 + 0.5 * self.fn_ as f64
    }

    /// Whether anything was counted.
    pub fn is_empty(&self) -> bool {
        self.tp + self.fp + self.fn_ == 0
    }

    /// Panoptic quality in 0..1; 0 where nothing was counted.
    pub fn pq(&self) -> f64 {
        if self.is_empty() { 0.0 } else { self.iou / self.weight() }
    }

    /// Segmentation quality: the mean IoU of the matches; 0 without one.
    pub fn sq(&self) -> f64 {
        if self.tp == 0 { 0.0 } else { self.iou / self.tp as f64 }
    }

    /// Recognition quality: the F1 score; 0 where nothing was counted.
    pub fn rq(&self) -> f64 {
        if self.is_empty() { 0.0 } else { self.tp as f64 / self.weight() }
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.iou += other.iou;
        self.tp += other.tp;
        self.fp += other.fp;
        self.fn_ += other.fn_;
    }
}

/// What one image contributes to panoptic quality.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImageQuality {
    /// Counts by category id, for the categories that have any.
    pub classes: BTreeMap<u32, Counts>,
    /// Pixels by (category of the ground truth, category of the prediction), where both have one.
    pub confusion: BTreeMap<(u32, u32), u64>,
}

impl ImageQuality {
    /// The mean PQ over the classes of this image, `None` for an image without segments.
    pub fn pq(&self) -> Option<f64> {
        crate::serialise::mean(self.classes.values().map(Counts::pq))
    }
}

impl From<&Matching<'_>> for ImageQuality {
    fn from(matching: &Matching<'_>) -> Self {
        let mut classes = BTreeMap::<u32, Counts>::new();
        for found in &matching.matches {
            let counts = classes.entry(found.category).or_default();
            counts.tp += 1;
            counts.iou += found.iou;
        }
        for segment in &matching.missed {
            classes.entry(segment.category_id).or_default().fn_ += 1;
        }
        for (segment, _) in matching.invented.iter().filter(|(_, counts)| *counts) {
            classes.entry(segment.category_id).or_default().fp += 1;
        }
        Self { classes, confusion: matching.confusion() }
    }
}

//! Matching the segments of one image.

use std::collections::{BTreeMap, HashMap, HashSet};

use kmax_masks::{Categories, Panoptic, Segment};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::pairs::pairs;

/// The id that stands for no segment in a ground truth.
const VOID: u32 = 0;

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

/// A side's segments by id.
fn by_id<'a>(
    side: &'static str,
    categories: &Categories,
    segments: &'a [Segment],
) -> Result<HashMap<u32, &'a Segment>> {
    let mut found = HashMap::with_capacity(segments.len());
    for segment in segments {
        let problem = if categories.get(segment.category_id).is_none() {
            format!("unknown category_id {}", segment.category_id)
        } else if found.insert(segment.id, segment).is_some() {
            "the id is listed twice".to_owned()
        } else {
            continue;
        };
        return Err(Error::Segment { side, id: segment.id, problem });
    }
    Ok(found)
}

pub(super) fn compare(
    categories: &Categories,
    truth: &Panoptic,
    prediction: &Panoptic,
) -> Result<ImageQuality> {
    let shared = pairs(&truth.map, &prediction.map)?;
    let truths = by_id("ground truth", categories, &truth.segments)?;
    let predictions = by_id("predicted", categories, &prediction.segments)?;

    // The area of a predicted segment is what its map holds; `void` is what of it lies on no ground truth.
    let (mut areas, mut void) = (HashMap::<u32, u64>::new(), HashMap::<u32, u64>::new());
    for &((truth_id, predicted_id), pixels) in &shared {
        *areas.entry(predicted_id).or_default() += pixels;
        if truth_id == VOID {
            void.insert(predicted_id, pixels);
        }
    }
    for segment in &prediction.segments {
        if !areas.contains_key(&segment.id) {
            let problem = "it is listed, but no pixel has its id".to_owned();
            return Err(Error::Segment { side: "predicted", id: segment.id, problem });
        }
    }
    if let Some(id) = areas.keys().filter(|&&id| id != VOID && !predictions.contains_key(&id)).min() {
        let problem = "pixels have its id, but it is not listed".to_owned();
        return Err(Error::Segment { side: "predicted", id: *id, problem });
    }
    let void = |id: u32| void.get(&id).copied().unwrap_or(0);

    let mut image = ImageQuality::default();
    let (mut truth_matched, mut predicted_matched) = (HashSet::new(), HashSet::new());
    for &((truth_id, predicted_id), pixels) in &shared {
        let (Some(real), Some(guess)) = (truths.get(&truth_id), predictions.get(&predicted_id)) else {
            continue;
        };
        *image.confusion.entry((real.category_id, guess.category_id)).or_default() += pixels;
        if real.iscrowd || real.category_id != guess.category_id {
            continue;
        }
        // The ground truth's area is its file's, so the union can come out below what the maps say.
        let union =
            areas[&predicted_id].saturating_add(real.area).saturating_sub(pixels + void(predicted_id));
        if union == 0 {
            let problem = format!("an area of {} is less than the {pixels} pixels of its map", real.area);
            return Err(Error::Segment { side: "ground truth", id: truth_id, problem });
        }
        let iou = pixels as f64 / union as f64;
        if iou > 0.5 {
            let counts = image.classes.entry(real.category_id).or_default();
            counts.tp += 1;
            counts.iou += iou;
            truth_matched.insert(truth_id);
            predicted_matched.insert(predicted_id);
        }
    }

    // Of several crowds of a class the last in the list stands for all, as in panopticapi.
    let mut crowds: HashMap<u32, u32> = HashMap::new();
    for segment in truth.segments.iter().filter(|segment| !truth_matched.contains(&segment.id)) {
        if segment.iscrowd {
            crowds.insert(segment.category_id, segment.id);
        } else {
            image.classes.entry(segment.category_id).or_default().fn_ += 1;
        }
    }
    let shared: HashMap<(u32, u32), u64> = shared.into_iter().collect();
    for segment in prediction.segments.iter().filter(|segment| !predicted_matched.contains(&segment.id)) {
        let crowd = crowds.get(&segment.category_id).and_then(|&crowd| shared.get(&(crowd, segment.id)));
        let excused = void(segment.id) + crowd.copied().unwrap_or(0);
        if 2 * excused <= areas[&segment.id] {
            image.classes.entry(segment.category_id).or_default().fp += 1;
        }
    }
    Ok(image)
}

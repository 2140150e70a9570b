//! Matching the segments of one image, as panopticapi does.

use std::collections::{BTreeMap, HashMap, HashSet};

use kmax_masks::{Categories, Panoptic, Segment};

use crate::error::{Error, Result};
use crate::pairs::pairs;

/// The id that stands for no segment in a ground truth.
const VOID: u32 = 0;

/// Two segments that are one, by their ids.
#[derive(Clone, Copy, Debug)]
pub(super) struct Match {
    pub truth: u32,
    pub predicted: u32,
    pub category: u32,
    pub iou: f64,
}

/// What the segments of an image share, and which of them are matched.
pub(super) struct Matching<'a> {
    truths: HashMap<u32, &'a Segment>,
    predictions: HashMap<u32, &'a Segment>,
    /// Pixels by (id in the ground truth, predicted id), rising.
    shared: Vec<((u32, u32), u64)>,
    /// Pixels of each predicted id, and how many of them lie on no ground truth.
    areas: HashMap<u32, u64>,
    void: HashMap<u32, u64>,
    /// The matches by rising ids.
    pub matches: Vec<Match>,
    /// Segments of the ground truth without a match, crowds left out, in the order of their list.
    pub missed: Vec<&'a Segment>,
    /// Predicted segments without a match, in the order of their list, and whether each counts as an error: most of it
    /// may lie where nothing can be said.
    pub invented: Vec<(&'a Segment, bool)>,
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

impl<'a> Matching<'a> {
    pub fn new(categories: &Categories, truth: &'a Panoptic, prediction: &'a Panoptic) -> Result<Self> {
        let shared = pairs(&truth.map, &prediction.map)?;
        let truths = by_id("ground truth", categories, &truth.segments)?;
        let predictions = by_id("predicted", categories, &prediction.segments)?;
        let (mut areas, mut void) = (HashMap::<u32, u64>::new(), HashMap::<u32, u64>::new());
        for &((truth_id, predicted_id), pixels) in &shared {
            *areas.entry(predicted_id).or_default() += pixels;
            if truth_id == VOID {
                void.insert(predicted_id, pixels);
            }
        }
        let (matches, missed, invented) = (Vec::new(), Vec::new(), Vec::new());
        let mut image = Self { truths, predictions, shared, areas, void, matches, missed, invented };
        image.check(prediction)?;
        image.pair_up()?;
        image.leave(truth, prediction);
        Ok(image)
    }

    /// What the official evaluation asks of a prediction.
    fn check(&self, prediction: &Panoptic) -> Result<()> {
        for segment in &prediction.segments {
            if !self.areas.contains_key(&segment.id) {
                let problem = "it is listed, but no pixel has its id".to_owned();
                return Err(Error::Segment { side: "predicted", id: segment.id, problem });
            }
        }
        let unlisted = |id: &u32| *id != VOID && !self.predictions.contains_key(id);
        if let Some(&id) = self.areas.keys().filter(|id| unlisted(id)).min() {
            let problem = "pixels have its id, but it is not listed".to_owned();
            return Err(Error::Segment { side: "predicted", id, problem });
        }
        Ok(())
    }

    /// The segments of either side that lie on each other, with the pixels that they share, by rising ids.
    pub fn overlaps(&self) -> impl Iterator<Item = (&'a Segment, &'a Segment, u64)> {
        self.shared.iter().filter_map(|&((truth, predicted), pixels)| {
            Some((*self.truths.get(&truth)?, *self.predictions.get(&predicted)?, pixels))
        })
    }

    /// Pixels of a predicted segment that do not lie on void.
    pub fn area_of_predicted(&self, id: u32) -> u64 {
        let of = |counts: &HashMap<u32, u64>| counts.get(&id).copied().unwrap_or(0);
        of(&self.areas) - of(&self.void)
    }

    /// The union of two segments that share `pixels`. The ground truth's area is its file's, so it can come out below what
    /// the maps say.
    pub fn union(&self, truth: &Segment, predicted: &Segment, pixels: u64) -> u64 {
        self.area_of_predicted(predicted.id).saturating_add(truth.area).saturating_sub(pixels)
    }

    fn pair_up(&mut self) -> Result<()> {
        let mut matches = Vec::new();
        for (truth, predicted, pixels) in self.overlaps() {
            if truth.iscrowd || truth.category_id != predicted.category_id {
                continue;
            }
            let union = self.union(truth, predicted, pixels);
            if union == 0 {
                let problem =
                    format!("an area of {} is less than the {pixels} pixels of its map", truth.area);
                return Err(Error::Segment { side: "ground truth", id: truth.id, problem });
            }
            let iou = pixels as f64 / union as f64;
            if iou > 0.5 {
                let category = truth.category_id;
                matches.push(Match { truth: truth.id, predicted: predicted.id, category, iou });
            }
        }
        self.matches = matches;
        Ok(())
    }

    fn leave(&mut self, truth: &'a Panoptic, prediction: &'a Panoptic) {
        let truths: HashSet<u32> = self.matches.iter().map(|found| found.truth).collect();
        let predictions: HashSet<u32> = self.matches.iter().map(|found| found.predicted).collect();
        // Of several crowds of a class the last in the list stands for all, as in panopticapi.
        let mut crowds: HashMap<u32, u32> = HashMap::new();
        for segment in truth.segments.iter().filter(|segment| !truths.contains(&segment.id)) {
            if segment.iscrowd {
                crowds.insert(segment.category_id, segment.id);
            } else {
                self.missed.push(segment);
            }
        }
        let mut on_crowd: HashMap<u32, u64> = HashMap::new();
        for (real, guess, pixels) in self.overlaps() {
            if crowds.get(&guess.category_id) == Some(&real.id) {
                on_crowd.insert(guess.id, pixels);
            }
        }
        for segment in prediction.segments.iter().filter(|segment| !predictions.contains(&segment.id)) {
            let of = |counts: &HashMap<u32, u64>| counts.get(&segment.id).copied().unwrap_or(0);
            let counts = 2 * (of(&self.void) + of(&on_crowd)) <= of(&self.areas);
            self.invented.push((segment, counts));
        }
    }

    /// Pixels by (category of the ground truth, category of the prediction), where both have one.
    pub fn confusion(&self) -> BTreeMap<(u32, u32), u64> {
        let mut confusion = BTreeMap::new();
        for (truth, predicted, pixels) in self.overlaps() {
            *confusion.entry((truth.category_id, predicted.category_id)).or_default() += pixels;
        }
        confusion
    }
}

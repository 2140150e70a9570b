//! Matching the detections of one image and category to its ground truth.

use kmax_masks::Rle;

use super::{AREA_RANGES, Detection, LIMITS, THRESHOLDS, Truth};
use crate::error::Result;

/// How a detection fared at one range of area: a bit for each threshold.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Outcome {
    /// It found an object that counts.
    pub tp: u16,
    /// It found nothing and should have.
    pub fp: u16,
}

/// A detection of one image and category, in the order of falling score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scored {
    pub score: f64,
    pub outcomes: [Outcome; AREA_RANGES.len()],
}

/// One category of an image.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CategoryMatches {
    /// The contiguous index.
    pub category: usize,
    /// At most the largest limit, by falling score.
    pub detections: Vec<Scored>,
    /// The objects that count in each range.
    pub positives: [u64; AREA_RANGES.len()],
}

/// What one image contributes to mask AP.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImageMatches {
    /// By rising contiguous index.
    pub(super) categories: Vec<CategoryMatches>,
}

/// A mask with what is asked of it again and again.
struct Measured<'a> {
    mask: &'a Rle,
    area: u64,
    bbox: [u32; 4],
}

impl<'a> Measured<'a> {
    fn new(mask: &'a Rle) -> Self {
        Self { mask, area: mask.area(), bbox: mask.bbox() }
    }

    /// Whether the boxes share a pixel.
    fn touches(&self, other: &Self) -> bool {
        let apart = |axis: usize| {
            self.bbox[axis] >= other.bbox[axis] + other.bbox[axis + 2]
                || other.bbox[axis] >= self.bbox[axis] + self.bbox[axis + 2]
        };
        !apart(0) && !apart(1)
    }

    fn iou(&self, truth: &Self, crowd: bool) -> Result<f64> {
        if !self.touches(truth) {
            return Ok(0.0);
        }
        let shared = self.mask.intersection(truth.mask)?;
        if shared == 0 {
            return Ok(0.0);
        }
        let whole = if crowd { self.area } else { self.area + truth.area - shared };
        Ok(shared as f64 / whole as f64)
    }
}

pub(super) fn image(truths: &[(usize, &Truth)], detections: &[(usize, &Detection)]) -> Result<ImageMatches> {
    let mut present: Vec<usize> =
        truths.iter().map(|entry| entry.0).chain(detections.iter().map(|entry| entry.0)).collect();
    present.sort_unstable();
    present.dedup();
    let categories = present.into_iter().map(|category| {
        let truths: Vec<&Truth> = truths.iter().filter(|entry| entry.0 == category).map(|e| e.1).collect();
        let mut best: Vec<&Detection> =
            detections.iter().filter(|entry| entry.0 == category).map(|e| e.1).collect();
        // Stable: equal scores keep the order of the file.
        best.sort_by(|a, b| b.score.partial_cmp(&a.score).unwrap_or(std::cmp::Ordering::Equal));
        best.truncate(LIMITS[LIMITS.len() - 1]);
        one_category(category, &truths, &best)
    });
    Ok(ImageMatches { categories: categories.collect::<Result<_>>()? })
}

fn one_category(category: usize, truths: &[&Truth], detections: &[&Detection]) -> Result<CategoryMatches> {
    let real: Vec<Measured> = truths.iter().map(|truth| Measured::new(&truth.mask)).collect();
    let found: Vec<Measured> = detections.iter().map(|detection| Measured::new(&detection.mask)).collect();
    let mut ious = Vec::with_capacity(real.len() * found.len());
    for detection in &found {
        for (truth, measured) in truths.iter().zip(&real) {
            ious.push(detection.iou(measured, truth.iscrowd)?);
        }
    }
    let mut scored: Vec<Scored> = detections
        .iter()
        .map(|detection| Scored { score: detection.score, outcomes: Default::default() })
        .collect();
    let mut positives = [0; AREA_RANGES.len()];
    for (range, &[low, high]) in AREA_RANGES.iter().enumerate() {
        let ignored: Vec<bool> =
            truths.iter().map(|truth| truth.iscrowd || truth.area < low || truth.area > high).collect();
        positives[range] = ignored.iter().filter(|&&ignored| !ignored).count() as u64;
        // Those that count first, each kind in the order of the file.
        let mut order: Vec<usize> = (0..truths.len()).collect();
        order.sort_by_key(|&truth| ignored[truth]);
        let outside: Vec<bool> =
            found.iter().map(|mask| (mask.area as f64) < low || mask.area as f64 > high).collect();
        let mut taken = vec![false; truths.len()];
        for (bit, &threshold) in THRESHOLDS.iter().enumerate() {
            taken.fill(false);
            for (detection, entry) in scored.iter_mut().enumerate() {
                let row = &ious[detection * truths.len()..][..truths.len()];
                let outcome = &mut entry.outcomes[range];
                let found = best_match(row, &order, &ignored, &taken, truths, threshold);
                if let Some(truth) = found {
                    taken[truth] = true;
                }
                match found {
                    Some(truth) if ignored[truth] => {}
                    Some(truth) if truths[truth].id != 0 => outcome.tp |= 1 << bit,
                    _ if !outside[detection] => outcome.fp |= 1 << bit,
                    _ => {}
                }
            }
        }
    }
    Ok(CategoryMatches { category, detections: scored, positives })
}

/// The object that a detection takes: the one of highest IoU among those at or above the threshold, the later
/// one of equals; an ignored one only where none that counts was found.
fn best_match(
    ious: &[f64],
    order: &[usize],
    ignored: &[bool],
    taken: &[bool],
    truths: &[&Truth],
    threshold: f64,
) -> Option<usize> {
    let mut best = None;
    let mut bar = threshold;
    for &truth in order {
        if taken[truth] && !truths[truth].iscrowd {
            continue;
        }
        if ignored[truth] && best.is_some_and(|best: usize| !ignored[best]) {
            break;
        }
        if ious[truth] >= bar {
            bar = ious[truth];
            best = Some(truth);
        }
    }
    best
}

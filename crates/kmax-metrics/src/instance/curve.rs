//! From scored detections to precision at fixed recalls.

use super::THRESHOLDS;
use super::matching::Outcome;

/// Recalls at which precision is sampled: 0, 0.01, ... 1.
pub(super) const RECALLS: usize = 101;

/// The recall of a sample, rounded as numpy's `linspace` does.
fn recall_at(sample: usize) -> f64 {
    if sample + 1 == RECALLS { 1.0 } else { sample as f64 * 0.01 }
}

/// Precision and recall of one category, one range of area and one limit.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Curves {
    /// The sampled precision of each threshold.
    pub precision: [[f64; RECALLS]; THRESHOLDS.len()],
    /// The last recall of each threshold.
    pub recall: [f64; THRESHOLDS.len()],
}

impl Curves {
    /// From detections by falling score; `None` if no object counts.
    pub fn new(outcomes: &[Outcome], positives: u64) -> Option<Self> {
        if positives == 0 {
            return None;
        }
        let mut curves = Self { precision: [[0.0; RECALLS]; 10], recall: [0.0; 10] };
        let mut points: Vec<(f64, f64)> = Vec::with_capacity(outcomes.len());
        for bit in 0..THRESHOLDS.len() {
            points.clear();
            let (mut tp, mut fp) = (0u64, 0u64);
            for outcome in outcomes {
                tp += u64::from(outcome.tp >> bit & 1);
                fp += u64::from(outcome.fp >> bit & 1);
                // The epsilon is pycocotools'; it moves the precision of a single match below 1.
                let precision = tp as f64 / (fp as f64 + tp as f64 + f64::EPSILON);
                points.push((tp as f64 / positives as f64, precision));
            }
            curves.recall[bit] = points.last().map_or(0.0, |point| point.0);
            let mut highest = 0.0;
            for point in points.iter_mut().rev() {
                highest = f64::max(highest, point.1);
                point.1 = highest;
            }
            let mut at = 0;
            for (sample, value) in curves.precision[bit].iter_mut().enumerate() {
                while at < points.len() && points[at].0 < recall_at(sample) {
                    at += 1;
                }
                match points.get(at) {
                    Some(point) => *value = point.1,
                    None => break,
                }
            }
        }
        Some(curves)
    }
}

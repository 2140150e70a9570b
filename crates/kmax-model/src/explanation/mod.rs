//! What the k-means steps did for one image.

mod covered;
mod step;
#[cfg(test)]
mod tests;

pub use step::{Nearest, Step};

use crate::error::Result;
use crate::postprocess::{self, QueryLogits};
use crate::segmenter::Prediction;
use covered::Covered;
use kmax_masks::Panoptic;

/// A prediction with the way that led to it: the paper's k-means, one step after the other ([`Segmenter::explain`]).
///
/// [`Segmenter::explain`]: crate::Segmenter::explain
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The network's answer, after the last step.
    pub prediction: Prediction,
    /// The steps in their order: usually two each at the output strides 32, 16 and 8.
    pub steps: Vec<Step>,
}

impl Explanation {
    /// The segments, and for each of them the queries whose masks it is made of: one for a thing, one or more for stuff.
    ///
    /// # Errors
    /// As [`Prediction::panoptic`].
    pub fn segments(&self) -> Result<(Panoptic, Vec<Vec<usize>>)> {
        let config = self.prediction.config();
        let Prediction { logits, frame, .. } = &self.prediction;
        postprocess::panoptic_of_queries(logits, frame, &config.postprocess, &config.categories)
    }

    /// Probability of each class for a query, void last, by the final prediction. Empty if there is no such query.
    pub fn classes(&self, query: usize) -> Vec<f32> {
        self.prediction.logits.class_probabilities(query)
    }

    /// Probability that each pixel belongs to a query, among all queries, by the final masks: its height and width, and the
    /// values row by row, of the part of the masks that shows the image. Nothing if there is no such query.
    pub fn mask(&self, query: usize) -> Option<([usize; 2], Vec<f32>)> {
        let covered = self.covered();
        (query < self.prediction.logits.queries)
            .then(|| (covered.size(), covered.probabilities(&self.prediction.logits, query)))
    }

    /// The queries nearest to the pixel of the image at column `x` and row `y`, by the final masks: the most probable first, at
    /// most `count`. Nothing outside the image.
    pub fn nearest(&self, x: usize, y: usize, count: usize) -> Vec<Nearest> {
        let at = self.covered().at(x, y);
        at.map_or_else(Vec::new, |at| step::nearest(&self.prediction.logits, at, count))
    }

    fn covered(&self) -> Covered {
        Covered::new(&self.prediction.frame, &self.prediction.logits)
    }
}

/// What a step said, cut to what follows from it.
pub(crate) fn step(
    stride: usize,
    logits: QueryLogits,
    assigned: &[u32],
    prediction: &Prediction,
) -> Result<Step> {
    Step::new(stride, Covered::new(&prediction.frame, &logits), logits, assigned)
}

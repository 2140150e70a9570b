//! One k-means step.

use super::covered::{Covered, probabilities};
use crate::error::Result;
use crate::postprocess::QueryLogits;
use kmax_masks::LabelMap;

/// One k-means step: what the queries were before it, and which pixels each of them was given.
#[derive(Debug, Clone)]
pub struct Step {
    /// Pixels of the network's input for each pixel of the maps, along a side.
    pub stride: usize,
    /// The query that each pixel was assigned to (the argmax over queries, paper eq. 6), of the part of the map that shows the image.
    pub assignment: LabelMap,
    /// Class and mask logits of the queries as they entered the step, for the whole input, padding included.
    pub logits: QueryLogits,
    covered: Covered,
}

/// A query near a pixel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nearest {
    /// Index of the query.
    pub query: usize,
    /// Its probability there among all queries, 0 to 1.
    pub probability: f32,
}

impl Step {
    pub(super) fn new(
        stride: usize,
        covered: Covered,
        logits: QueryLogits,
        assigned: &[u32],
    ) -> Result<Self> {
        let [height, width] = covered.size();
        let assignment = LabelMap::new(width, height, covered.cut(assigned))?;
        Ok(Self { stride, assignment, logits, covered })
    }

    /// How many pixels of the image's part went to each query.
    pub fn pixels(&self) -> Vec<u64> {
        let mut pixels = vec![0; self.logits.queries];
        for &query in self.assignment.data() {
            pixels[query as usize] += 1;
        }
        pixels
    }

    /// Probability of each class for a query as it entered the step, void last. Empty if there is no such query.
    pub fn classes(&self, query: usize) -> Vec<f32> {
        self.logits.class_probabilities(query)
    }

    /// The queries nearest to the pixel of the image at column `x` and row `y`: the most probable first, at most `count`. Nothing
    /// outside the image.
    pub fn nearest(&self, x: usize, y: usize, count: usize) -> Vec<Nearest> {
        self.covered.at(x, y).map_or_else(Vec::new, |at| nearest(&self.logits, at, count))
    }
}

pub(super) fn nearest(logits: &QueryLogits, pixel: usize, count: usize) -> Vec<Nearest> {
    let probabilities = probabilities(logits, pixel);
    let [height, width] = logits.mask_size;
    let logit = |query: usize| logits.mask_logits[query * height * width + pixel];
    let mut queries: Vec<usize> = (0..probabilities.len()).collect();
    // By logits, which differ where probabilities are rounded to the same. The first of equals is the one that the pixel goes to.
    queries.sort_by(|&a, &b| logit(b).total_cmp(&logit(a)));
    queries.truncate(count);
    queries.into_iter().map(|query| Nearest { query, probability: probabilities[query] }).collect()
}

//! How well predictions fit targets, and which is matched to which.

use crate::config::{CrowdPixels, LossConfig};
use crate::error::{Error, Result};
use crate::float::Float;
use crate::matching::assign;
use crate::targets::{Cell, Targets};
use rayon::prelude::*;

/// Keeps similarities of empty masks finite (both reference implementations).
const EPSILON: f64 = 1e-5;

/// Whether the pixels of a cell are void, given whether a target that counts covers them.
pub(crate) fn is_void(cell: &Cell, covered: bool, config: &LossConfig) -> bool {
    match config.crowd_pixels {
        CrowdPixels::Void => !covered,
        CrowdPixels::Labelled => !cell.labelled,
    }
}

/// A target and the query that has to predict it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match {
    /// Index of the query.
    pub query: usize,
    /// Index of the target.
    pub target: usize,
    /// Dice coefficient of the query's soft mask and the target's mask.
    pub mask_similarity: f64,
    /// Probability that the query gives to the target's class.
    pub class_similarity: f64,
}

/// The predictions of one layer for one image, as far as matching and class weights need them.
#[derive(Debug, Clone)]
pub(crate) struct Soft<'a, T> {
    pub queries: usize,
    /// Class probabilities `[queries, classes + 1]`, void last.
    pub classes: &'a [T],
    /// Sum of the mask probabilities over the pixels of each cell, `[queries, cells]`.
    pub sums: Vec<f64>,
}

impl<'a, T: Float> Soft<'a, T> {
    /// From class probabilities and mask probabilities `[queries, pixels]`.
    pub(crate) fn new(queries: usize, classes: &'a [T], masks: &[T], targets: &Targets) -> Self {
        Self { queries, classes, sums: cell_sums(masks, queries, targets) }
    }

    /// Classes, void included.
    pub(crate) fn channels(&self) -> usize {
        self.classes.len() / self.queries.max(1)
    }

    /// The sums of one query.
    pub(crate) fn row(&self, query: usize) -> &[f64] {
        let cells = self.sums.len() / self.queries.max(1);
        &self.sums[query * cells..][..cells]
    }

    /// The best matching (Hungarian matching of MaX-DeepLab, sec. 3.2), or the given one, sorted by query.
    pub(crate) fn matches(
        &self,
        image: usize,
        targets: &Targets,
        config: &LossConfig,
        given: Option<&[(usize, usize)]>,
    ) -> Result<Vec<Match>> {
        let (queries, channels, count) = (self.queries, self.channels(), targets.labels().len());
        let mut sizes = vec![0.0; count];
        for (cell, size) in targets.cells.iter().zip(&targets.sizes) {
            cell.segments.iter().for_each(|target| sizes[*target as usize] += *size as f64);
        }
        let mut masks = vec![0.0; queries * count];
        let mut classes = vec![0.0; queries * count];
        for query in 0..queries {
            let (mut total, mut shared) = (0.0, vec![0.0; count]);
            for (cell, sum) in targets.cells.iter().zip(self.row(query)) {
                if !is_void(cell, !cell.segments.is_empty(), config) {
                    total += sum;
                }
                cell.segments.iter().for_each(|target| shared[*target as usize] += sum);
            }
            for (target, label) in targets.labels().iter().enumerate() {
                let at = query * count + target;
                masks[at] = shared[target] / ((total + sizes[target]) / 2.0 + EPSILON);
                classes[at] = self.classes[query * channels + *label as usize].to_f64();
            }
        }
        let costs: Vec<f64> = masks.iter().zip(&classes).map(|(mask, class)| -mask * class).collect();
        if costs.iter().any(|cost| !cost.is_finite()) {
            return Err(Error::NotFinite { image, what: "the matching cost" });
        }
        let mut pairs = match given {
            None => assign(&costs, queries, count)?,
            Some(pairs) => pairs.to_vec(),
        };
        pairs.sort_unstable();
        if let Some((query, target)) = pairs.iter().find(|(q, t)| *q >= queries || *t >= count) {
            let reason = format!("a match of query {query} and target {target}, of {queries} and {count}");
            return Err(Error::Targets(reason));
        }
        Ok(pairs
            .into_iter()
            .map(|(query, target)| {
                let at = query * count + target;
                Match { query, target, mask_similarity: masks[at], class_similarity: classes[at] }
            })
            .collect())
    }

    /// Share of a query's soft mask that lies on cells for which `inside` holds.
    pub(crate) fn share(&self, query: usize, inside: &[bool]) -> f64 {
        let row = self.row(query);
        let part: f64 = row.iter().zip(inside).filter(|(_, inside)| **inside).map(|(sum, _)| sum).sum();
        part / (row.iter().sum::<f64>() + EPSILON)
    }
}

fn cell_sums<T: Float>(masks: &[T], queries: usize, targets: &Targets) -> Vec<f64> {
    let cells = targets.cells.len();
    let pixels = targets.cell_of.len();
    let mut sums = vec![0.0; queries * cells];
    if pixels > 0 {
        sums.par_chunks_exact_mut(cells).zip(masks.par_chunks_exact(pixels)).for_each(|(sums, row)| {
            for (p, cell) in row.iter().zip(&targets.cell_of) {
                sums[*cell as usize] += p.to_f64();
            }
        });
    }
    sums
}

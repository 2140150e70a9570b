//! What can be asked about a few pixels.

use super::{BLOCK, Lanes, kernels};

/// Up to [`BLOCK`] neighbouring pixels of a row, with a logit for each query.
#[derive(Debug)]
pub struct PixelBlock<'a> {
    /// The row.
    pub row: usize,
    /// The first column.
    pub column: usize,
    /// How many pixels there are.
    pub pixels: usize,
    order: &'a [usize],
    active: usize,
    /// Logits, and once there are `sums` the softmax's numerators.
    values: Vec<Lanes>,
    most: Lanes,
    most_of_all: Lanes,
    sums: Option<Lanes>,
}

/// What [`PixelBlock::winners`] gives for each pixel.
#[derive(Debug, Clone, Copy)]
pub struct Winners {
    /// The first of the queries of the largest logit among those that take part; 0 if none does.
    pub query: [u32; BLOCK],
    /// Whether no query that takes no part has a larger logit.
    pub overall: [bool; BLOCK],
}

impl<'a> PixelBlock<'a> {
    pub(super) fn new(order: &'a [usize], active: usize) -> Self {
        Self {
            row: 0,
            column: 0,
            pixels: 0,
            order,
            active,
            values: vec![[0.0; BLOCK]; order.len()],
            most: [0.0; BLOCK],
            most_of_all: [0.0; BLOCK],
            sums: None,
        }
    }

    /// Takes new logits.
    pub(super) fn begin(&mut self, fill: impl FnOnce(&mut [Lanes])) {
        fill(&mut self.values);
        self.sums = None;
        let (active, rest) = self.values.split_at(self.active);
        self.most = kernels::largest(active, [f32::NEG_INFINITY; BLOCK]);
        self.most_of_all = if rest.is_empty() { self.most } else { kernels::largest(rest, self.most) };
    }

    fn weighed(&mut self) -> Lanes {
        if let Some(sums) = self.sums {
            return sums;
        }
        let sums = kernels::exponentials(&mut self.values[..self.active], &self.most);
        self.sums = Some(sums);
        sums
    }

    /// The queries of the largest logits. To be asked before any probability.
    pub fn winners(&self) -> Winners {
        let at = kernels::first_of(&self.values[..self.active], &self.most);
        let query = at.map(|at| self.order.get(at as usize).map_or(0, |&query| query as u32));
        let overall = std::array::from_fn(|lane| self.most[lane] == self.most_of_all[lane]);
        Winners { query, overall }
    }

    /// The largest probability at each pixel.
    pub fn confidences(&mut self) -> [f32; BLOCK] {
        // The numerator of the largest is 1.
        self.weighed().map(|sum| 1.0 / sum)
    }

    /// Calls `found` with the query, the pixels where its probability is above `threshold` (bit 0 is the first) and its
    /// probabilities, for every query that has such pixels.
    pub fn above(&mut self, threshold: f32, mut found: impl FnMut(usize, u32, &[f32; BLOCK])) {
        let sums = self.weighed();
        let real = u32::MAX >> (BLOCK - self.pixels);
        // What lies a little below is sorted out by the exact quotient.
        let near = sums.map(|sum| threshold * sum * (1.0 - 1e-6));
        for (numerators, &query) in self.values[..self.active].iter().zip(self.order) {
            if !kernels::any_above(numerators, &near) {
                continue;
            }
            let probabilities: Lanes = std::array::from_fn(|lane| numerators[lane] / sums[lane]);
            let bits = (0..BLOCK).filter(|&lane| probabilities[lane] > threshold);
            let pixels = bits.fold(0, |bits, lane| bits | 1u32 << lane) & real;
            if pixels != 0 {
                found(query, pixels, &probabilities);
            }
        }
    }

    /// The class at each pixel of the largest sum over queries of weight times probability, given `weights`
    /// `[classes, queries]`; the first of equal ones.
    pub fn best_class(&mut self, weights: &[f32]) -> [u32; BLOCK] {
        // Numerators will do: the denominator is the same for all classes.
        self.weighed();
        kernels::best_row(&self.values[..self.active], self.order, weights)
    }
}

//! Softmax over queries at every pixel of resized mask logits, without ever holding the resized logits.
//!
//! Rows are widened once and mixed as output rows run down them, a tile of columns at a time, so that what is being
//! worked on stays in the cache: `queries` times a few hundred values, not `queries` times the pixels of a photo.

use super::resize::{Alignment, Sample, samples};
use super::simd::simd_fn;
use crate::{Error, Result};
use std::ops::Range;

/// Pixels of a block.
pub const BLOCK: usize = 32;
/// Columns that are widened at a time.
const TILE: usize = 256;

/// A value for each pixel of a block.
type Lanes = [f32; BLOCK];

/// How two neighbours `a` and `b` are mixed at the share `s`; both are the same but for rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mixing {
    /// `a (1 - s) + b s`, as PyTorch does.
    Weights,
    /// `a + (b - a) s`, as TensorFlow does.
    Difference,
}

/// One resize: rows and columns of the input that each output row and column mixes.
#[derive(Debug, Clone)]
struct Stage {
    rows: Vec<Sample<f32>>,
    columns: Vec<Sample<f32>>,
}

/// Mask logits `[queries, height, width]`, to be looked at in another size.
#[derive(Debug, Clone)]
pub struct ResizedMasks<'a> {
    logits: &'a [f32],
    /// The query of each row of a block; those from `active` on take no part in the softmax.
    order: Vec<usize>,
    active: usize,
    source: [usize; 2],
    size: [usize; 2],
    mixing: Mixing,
    stages: Vec<Stage>,
}

impl<'a> ResizedMasks<'a> {
    /// Logits of `queries` maps of `size` (height, width), in their own size so far.
    ///
    /// # Errors
    /// If the number of values is another, or there is none.
    pub fn new(logits: &'a [f32], queries: usize, size: [usize; 2], mixing: Mixing) -> Result<Self> {
        let count = size[0].checked_mul(size[1]).and_then(|pixels| pixels.checked_mul(queries));
        if count != Some(logits.len()) || logits.is_empty() {
            let found = logits.len();
            return Err(Error::Argument(format!(
                "{found} mask logits for {queries} queries of {size:?} pixels"
            )));
        }
        let order = (0..queries).collect();
        Ok(Self { logits, order, active: queries, source: size, size, mixing, stages: Vec::new() })
    }

    /// The upper left part of `size` (height, width) of what it is so far.
    ///
    /// # Errors
    /// If that is larger, or empty.
    pub fn cropped(mut self, size: [usize; 2]) -> Result<Self> {
        if size[0] > self.size[0] || size[1] > self.size[1] || size.contains(&0) {
            return Err(Error::Argument(format!("crop of {:?} pixels to {size:?}", self.size)));
        }
        if let Some(stage) = self.stages.last_mut() {
            stage.rows.truncate(size[0]);
            stage.columns.truncate(size[1]);
        }
        self.size = size;
        Ok(self)
    }

    /// What it is so far, resized bilinearly to `size` (height, width).
    ///
    /// # Errors
    /// If that is empty.
    pub fn resized(mut self, size: [usize; 2], alignment: Alignment) -> Result<Self> {
        if size.contains(&0) {
            return Err(Error::Argument(format!("resize of {:?} pixels to {size:?}", self.size)));
        }
        if size != self.size {
            let [rows, columns] = [0, 1].map(|side| samples(self.size[side], size[side], alignment));
            self.stages.push(Stage { rows, columns });
            self.size = size;
        }
        Ok(self)
    }

    /// Only the queries for which `takes_part` holds have a probability.
    #[must_use]
    pub fn only(mut self, takes_part: impl Fn(usize) -> bool) -> Self {
        let (mut order, rest): (Vec<_>, Vec<_>) = (0..self.order.len()).partition(|&query| takes_part(query));
        self.active = order.len();
        order.extend(rest);
        self.order = order;
        self
    }

    /// Height and width.
    pub fn size(&self) -> [usize; 2] {
        self.size
    }

    /// Calls `see` with every block of pixels of these rows. Rows can be seen in parallel, best in bands of some dozens.
    pub fn visit(&self, rows: Range<usize>, mut see: impl FnMut(&mut Block)) {
        let queries = self.order.len();
        let rows = rows.start.min(self.size[0])..rows.end.min(self.size[0]);
        let mut block = Block {
            row: 0,
            column: 0,
            pixels: 0,
            order: &self.order,
            active: self.active,
            values: vec![[0.0; BLOCK]; queries],
            most: [0.0; BLOCK],
            most_of_all: [0.0; BLOCK],
            sums: None,
        };
        for left in (0..self.size[1]).step_by(TILE) {
            let width = TILE.min(self.size[1] - left);
            let mut window = Window::new(self, self.stages.len(), left..left + width);
            for row in rows.clone() {
                block.row = row;
                for offset in (0..width).step_by(BLOCK) {
                    block.column = left + offset;
                    block.pixels = BLOCK.min(width - offset);
                    window.fill(row, offset, &mut block.values);
                    block.begin();
                    see(&mut block);
                }
            }
        }
    }
}

/// A range of columns of what stands after some of the stages, with the rows that are being mixed.
struct Window<'a> {
    masks: &'a ResizedMasks<'a>,
    /// `None` before the first stage.
    stage: Option<&'a Stage>,
    /// What the stage reads.
    source: Option<Box<Window<'a>>>,
    columns: Range<usize>,
    /// The length of a buffered row: the columns, rounded up to whole blocks.
    stride: usize,
    /// The two rows of the source, widened, and which rows they are.
    above: Vec<f32>,
    below: Vec<f32>,
    held: [Option<usize>; 2],
    /// One row of the source.
    scratch: Vec<f32>,
}

impl<'a> Window<'a> {
    fn new(masks: &'a ResizedMasks<'a>, stages: usize, columns: Range<usize>) -> Self {
        let stride = columns.len().next_multiple_of(BLOCK);
        let stage = stages.checked_sub(1).and_then(|at| masks.stages.get(at));
        // Samples rise from left to right, so that the outermost bound the source's columns.
        let source = stage.and_then(|stage| {
            let used = stage.columns.get(columns.clone())?;
            let needed = used.first()?.low..used.last()?.high + 1;
            Some(Box::new(Window::new(masks, stages - 1, needed)))
        });
        let row = if stage.is_some() { masks.order.len() * stride } else { 0 };
        let scratch = source.as_ref().map_or(0, |source| masks.order.len() * source.stride);
        Self {
            masks,
            stage,
            source,
            columns,
            stride,
            above: vec![0.0; row],
            below: vec![0.0; row],
            held: [None; 2],
            scratch: vec![0.0; scratch],
        }
    }

    /// Writes [`BLOCK`] columns of a row, from `offset` within the window on, one line a query.
    fn fill(&mut self, row: usize, offset: usize, out: &mut [Lanes]) {
        let share = self.prepare(row);
        let stride = self.stride;
        match share {
            Some(share) => {
                let (above, below) = (&self.above[offset..], &self.below[offset..]);
                match self.masks.mixing {
                    Mixing::Weights => mix_weights(above, below, stride, share, out),
                    Mixing::Difference => mix_difference(above, below, stride, share, out),
                }
            }
            None => {
                let pixels = BLOCK.min(self.columns.len() - offset);
                for (at, out) in out.iter_mut().enumerate() {
                    *out = [0.0; BLOCK];
                    let start = self.columns.start + offset;
                    out[..pixels].copy_from_slice(&self.line(at, row)[start..start + pixels]);
                }
            }
        }
    }

    /// The row of the `at`th query, before the first stage.
    fn line(&self, at: usize, row: usize) -> &'a [f32] {
        let [height, width] = self.masks.source;
        &self.masks.logits[(self.masks.order[at] * height + row) * width..][..width]
    }

    /// Makes the two rows ready that `row` mixes, and gives the share of the second; `None` before the first stage.
    fn prepare(&mut self, row: usize) -> Option<f32> {
        let Sample { low, high, share } = self.stage?.rows[row];
        if self.held[0] != Some(low) {
            if self.held[1] == Some(low) {
                std::mem::swap(&mut self.above, &mut self.below);
                self.held = [self.held[1], None];
            } else {
                let mut above = std::mem::take(&mut self.above);
                self.widen(low, &mut above);
                self.above = above;
                self.held[0] = Some(low);
            }
        }
        if self.held[1] != Some(high) {
            let mut below = std::mem::take(&mut self.below);
            self.widen(high, &mut below);
            self.below = below;
            self.held[1] = Some(high);
        }
        Some(share)
    }

    /// Resizes a row of the source along x.
    fn widen(&mut self, row: usize, out: &mut [f32]) {
        let (Some(stage), Some(source)) = (self.stage, &mut self.source) else { return };
        let first = source.columns.start;
        let samples = &stage.columns[self.columns.clone()];
        let share = source.prepare(row);
        for (at, out) in out.chunks_exact_mut(self.stride).enumerate() {
            let line = match share {
                None => &source.line(at, row)[first..],
                Some(share) => {
                    let line = at * source.stride..(at + 1) * source.stride;
                    let scratch = &mut self.scratch[line.clone()];
                    let (above, below) = (&source.above[line.clone()], &source.below[line]);
                    mix_line(above, below, share, self.masks.mixing, scratch);
                    &*scratch
                }
            };
            for (out, Sample { low, high, share }) in out.iter_mut().zip(samples) {
                let (a, b) = (line[low - first], line[high - first]);
                *out = match self.masks.mixing {
                    Mixing::Weights => a * (1.0 - share) + b * share,
                    Mixing::Difference => a + (b - a) * share,
                };
            }
        }
    }
}

/// Up to [`BLOCK`] neighbouring pixels of a row, with a logit for each query.
#[derive(Debug)]
pub struct Block<'a> {
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

/// What [`Block::winners`] gives for each pixel.
#[derive(Debug, Clone, Copy)]
pub struct Winners {
    /// The first of the queries of the largest logit among those that take part; 0 if none does.
    pub query: [u32; BLOCK],
    /// Whether no query that takes no part has a larger logit.
    pub overall: [bool; BLOCK],
}

impl Block<'_> {
    fn begin(&mut self) {
        self.sums = None;
        let (active, rest) = self.values.split_at(self.active);
        self.most = largest(active, [f32::NEG_INFINITY; BLOCK]);
        self.most_of_all = if rest.is_empty() { self.most } else { largest(rest, self.most) };
    }

    fn weighed(&mut self) -> Lanes {
        if let Some(sums) = self.sums {
            return sums;
        }
        let sums = exponentials(&mut self.values[..self.active], &self.most);
        self.sums = Some(sums);
        sums
    }

    /// The queries of the largest logits. To be asked before any probability.
    pub fn winners(&self) -> Winners {
        let at = first_of(&self.values[..self.active], &self.most);
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
            if !any_above(numerators, &near) {
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
        best_row(&self.values[..self.active], self.order, weights)
    }
}

simd_fn! {
    fn mix_weights[I, T](above: &[T], below: &[T], stride: usize, share: T, out: &mut [[T; BLOCK]]) {
        let rest = T::ONE - share;
        let lines = above.chunks(stride).zip(below.chunks(stride));
        for (out, (above, below)) in out.iter_mut().zip(lines) {
            let (above, below) = (&above[..BLOCK], &below[..BLOCK]);
            for lane in 0..BLOCK {
                out[lane] = I::mul_add(above[lane], rest, below[lane] * share);
            }
        }
    }
}

simd_fn! {
    fn mix_difference[I, T](above: &[T], below: &[T], stride: usize, share: T, out: &mut [[T; BLOCK]]) {
        let lines = above.chunks(stride).zip(below.chunks(stride));
        for (out, (above, below)) in out.iter_mut().zip(lines) {
            let (above, below) = (&above[..BLOCK], &below[..BLOCK]);
            for lane in 0..BLOCK {
                // Two roundings, as in the original.
                out[lane] = above[lane] + (below[lane] - above[lane]) * share;
            }
        }
    }
}

/// One line of a row that a later stage reads.
fn mix_line(above: &[f32], below: &[f32], share: f32, mixing: Mixing, out: &mut [f32]) {
    let (out, _) = out.as_chunks_mut::<BLOCK>();
    match mixing {
        Mixing::Weights => mix_blocks_weights(above, below, share, out),
        Mixing::Difference => mix_blocks_difference(above, below, share, out),
    }
}

/// Blocks of one line: each is mixed as if it were a query of its own.
fn mix_blocks_weights(above: &[f32], below: &[f32], share: f32, out: &mut [Lanes]) {
    mix_weights(above, below, BLOCK, share, out);
}

fn mix_blocks_difference(above: &[f32], below: &[f32], share: f32, out: &mut [Lanes]) {
    mix_difference(above, below, BLOCK, share, out);
}

simd_fn! {
    /// The largest of `start` and the rows, lane by lane.
    fn largest[I, T](rows: &[[T; BLOCK]], start: [T; BLOCK]) -> [T; BLOCK] {
        let mut most = start;
        for row in rows {
            for lane in 0..BLOCK {
                most[lane] = most[lane].maximum(row[lane]);
            }
        }
        most
    }
}

simd_fn! {
    /// The first row that holds `most`, lane by lane.
    fn first_of[I, T](rows: &[[T; BLOCK]], most: &[T; BLOCK]) -> [u32; BLOCK] {
        let mut first = [0; BLOCK];
        for (at, row) in rows.iter().enumerate().rev() {
            for lane in 0..BLOCK {
                first[lane] = if row[lane] == most[lane] { at as u32 } else { first[lane] };
            }
        }
        first
    }
}

simd_fn! {
    /// `exp(row - most)` in place of each row, and their sum.
    fn exponentials[I, T](rows: &mut [[T; BLOCK]], most: &[T; BLOCK]) -> [T; BLOCK] {
        let mut sums = [T::ZERO; BLOCK];
        for row in rows {
            for lane in 0..BLOCK {
                row[lane] = (row[lane] - most[lane]).exponential();
                sums[lane] += row[lane];
            }
        }
        sums
    }
}

simd_fn! {
    fn any_above[I, T](row: &[T; BLOCK], bound: &[T; BLOCK]) -> bool {
        let mut any = false;
        for lane in 0..BLOCK {
            any |= row[lane] > bound[lane];
        }
        any
    }
}

/// Classes summed at a time, in registers.
const GROUP: usize = 4;

simd_fn! {
    /// Of the rows of `weights` `[n, order.len()]` times `rows`, the one with the largest value, lane by lane.
    fn best_row[I, T](rows: &[[T; BLOCK]], order: &[usize], weights: &[T]) -> [u32; BLOCK] {
        let mut best = [0; BLOCK];
        let mut most: Option<[T; BLOCK]> = None;
        for (group, weights) in weights.chunks(GROUP * order.len()).enumerate() {
            let mut sums = [[T::ZERO; BLOCK]; GROUP];
            for (row, &query) in rows.iter().zip(order) {
                for (k, sums) in sums.iter_mut().enumerate() {
                    // The last group may be short; what its empty places sum is not looked at.
                    let weight = weights.get(k * order.len() + query).copied().unwrap_or(T::ZERO);
                    for lane in 0..BLOCK {
                        sums[lane] = I::mul_add(row[lane], weight, sums[lane]);
                    }
                }
            }
            for (k, sums) in sums.iter().enumerate().take(weights.len() / order.len()) {
                let most = most.get_or_insert(*sums);
                for lane in 0..BLOCK {
                    let better = sums[lane] > most[lane];
                    best[lane] = if better { (group * GROUP + k) as u32 } else { best[lane] };
                    most[lane] = if better { sums[lane] } else { most[lane] };
                }
            }
        }
        best
    }
}

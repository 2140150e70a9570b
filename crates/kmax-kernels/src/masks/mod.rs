//! Softmax over queries at every pixel of resized mask logits, without ever holding the resized logits.
//!
//! Rows are widened once and mixed as output rows run down them, a tile of columns at a time, so that what is being
//! worked on stays in the cache: `queries` times a few hundred values, not `queries` times the pixels of an image.

mod block;
mod device;
mod kernels;
mod spread;
#[cfg(test)]
mod tests;
mod window;

pub use block::{PixelBlock, Winners};
pub use device::{DeviceMasks, PixelClaims, PixelWinners};

use crate::cpu::Float;
use crate::error::{Error, Result};
use crate::resize::{Alignment, Sample, samples};
use std::ops::Range;
use window::Window;

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

impl Mixing {
    /// Each operation rounded, as in the reference implementations.
    #[inline(always)]
    fn mix<T: Float>(self, a: T, b: T, share: T) -> T {
        match self {
            Self::Weights => a * (T::ONE - share) + b * share,
            Self::Difference => a + (b - a) * share,
        }
    }
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
            let [rows, columns] = [0, 1].map(|axis| samples(self.size[axis], size[axis], alignment));
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
    pub fn visit(&self, rows: Range<usize>, mut see: impl FnMut(&mut PixelBlock)) {
        let rows = rows.start.min(self.size[0])..rows.end.min(self.size[0]);
        let mut block = PixelBlock::new(&self.order, self.active);
        for left in (0..self.size[1]).step_by(TILE) {
            let width = TILE.min(self.size[1] - left);
            let mut window = Window::new(self, self.stages.len(), left..left + width);
            for row in rows.clone() {
                block.row = row;
                for offset in (0..width).step_by(BLOCK) {
                    block.column = left + offset;
                    block.pixels = BLOCK.min(width - offset);
                    block.begin(|values| window.fill(row, offset, values));
                    see(&mut block);
                }
            }
        }
    }
}

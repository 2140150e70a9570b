//! Rows of resized maps, made as they are asked for.

use super::spread::Columns;
use super::{BLOCK, Lanes, Mixing, ResizedMasks, Stage, kernels};
use crate::resize::Sample;
use std::ops::Range;

/// A range of columns of what stands after some of the stages, with the rows that are being mixed.
pub(super) struct Window<'a> {
    masks: &'a ResizedMasks<'a>,
    /// `None` before the first stage.
    stage: Option<&'a Stage>,
    /// What the stage reads, and where the columns lie in that.
    source: Option<(Box<Window<'a>>, Columns)>,
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
    pub(super) fn new(masks: &'a ResizedMasks<'a>, stages: usize, columns: Range<usize>) -> Self {
        let stride = columns.len().next_multiple_of(BLOCK);
        let stage = stages.checked_sub(1).and_then(|at| masks.stages.get(at));
        // Samples rise from left to right, so that the outermost bound the source's columns.
        let source = stage.and_then(|stage| {
            let used = stage.columns.get(columns.clone())?;
            let needed = used.first()?.low..used.last()?.high + 1;
            let source = Window::new(masks, stages - 1, needed);
            let columns = Columns::new(used, source.rows());
            Some((Box::new(source), columns))
        });
        let row = if stage.is_some() { masks.order.len() * stride } else { 0 };
        let scratch = source.as_ref().map_or(0, |(source, _)| masks.order.len() * source.stride);
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
    pub(super) fn fill(&mut self, row: usize, offset: usize, out: &mut [Lanes]) {
        let share = self.prepare(row);
        let stride = self.stride;
        match share {
            Some(share) => {
                let (above, below) = (&self.above[offset..], &self.below[offset..]);
                match self.masks.mixing {
                    Mixing::Weights => kernels::mix_weights(above, below, stride, share, out),
                    Mixing::Difference => kernels::mix_difference(above, below, stride, share, out),
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

    /// The first column of what a later stage reads of a query, and how many values that is.
    fn rows(&self) -> (usize, usize) {
        if self.stage.is_some() { (self.columns.start, self.stride) } else { (0, self.masks.source[1]) }
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
        let Some((source, columns)) = &mut self.source else { return };
        let share = source.prepare(row);
        for (at, out) in out.chunks_exact_mut(self.stride).enumerate() {
            let line = match share {
                None => source.line(at, row),
                Some(share) => {
                    let line = at * source.stride..(at + 1) * source.stride;
                    let scratch = &mut self.scratch[line.clone()];
                    let (above, below) = (&source.above[line.clone()], &source.below[line]);
                    mix_line(above, below, share, self.masks.mixing, scratch);
                    &*scratch
                }
            };
            columns.widen(line, self.masks.mixing, out);
        }
    }
}

/// One line of a row that a later stage reads.
fn mix_line(above: &[f32], below: &[f32], share: f32, mixing: Mixing, out: &mut [f32]) {
    // Blocks that follow each other are mixed as if they were queries.
    let (out, _) = out.as_chunks_mut::<BLOCK>();
    match mixing {
        Mixing::Weights => kernels::mix_weights(above, below, BLOCK, share, out),
        Mixing::Difference => kernels::mix_difference(above, below, BLOCK, share, out),
    }
}

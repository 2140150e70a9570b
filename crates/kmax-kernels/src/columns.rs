//! Functions of the values along one axis ("columns"), many columns side by side.
//!
//! Whatever the axis, a block of `WIDTH` columns is copied into a scratch matrix with one row per position on the
//! axis, worked on there (every step is a plain loop over `WIDTH` lanes) and written back.

use crate::cpu::{Float, Shared, Stored, written};
use crate::error::{Error, Result};
use crate::gpu::{Launch, Module};
use rayon::prelude::*;
use std::mem::MaybeUninit;
use std::ops::Range;

/// Columns of a block.
pub(crate) const WIDTH: usize = 64;
/// Values of the columns of a block at one position of the axis.
pub(crate) type Lanes<T> = [T; WIDTH];

/// A tensor seen as `[outer, length, inner]` around one axis.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns {
    outer: usize,
    /// Elements of a column.
    pub length: usize,
    inner: usize,
}

impl Columns {
    /// Around `axis` of a tensor of shape `dims`.
    pub(crate) fn new(dims: &[usize], axis: usize) -> Result<Self> {
        let Some(&length) = dims.get(axis) else {
            return Err(Error::Argument(format!("axis {axis} of a tensor of shape {dims:?}")));
        };
        Ok(Self { outer: dims[..axis].iter().product(), length, inner: dims[axis + 1..].iter().product() })
    }

    /// A kernel of [`Module::Channels`] for all columns.
    pub(crate) fn launch(&self, kernel: &'static str) -> Launch {
        /// Columns of a block, `COLUMNS` of the kernels' text.
        const BLOCK: usize = 32;
        let blocks = (self.outer * self.inner).div_ceil(BLOCK);
        Launch::of_blocks(Module::Channels, kernel, blocks).ints([self.outer, self.length, self.inner])
    }

    /// Whether columns are consecutive elements.
    pub(crate) fn is_last(&self) -> bool {
        self.inner == 1
    }

    /// For consecutive columns: what `f` writes, in full, for each column of the inputs.
    pub(crate) fn each_row<T: Float, const N: usize>(
        &self,
        inputs: [&[T]; N],
        f: impl Fn([&[T]; N], &mut [MaybeUninit<T>]) + Sync,
    ) -> Vec<T> {
        let (len, length) = (self.outer * self.length, self.length);
        let fill = |out: &mut [MaybeUninit<T>]| {
            let rows = out.par_chunks_exact_mut(length.max(1)).enumerate();
            rows.with_min_len((8192 / length.max(1)).max(1)).for_each(|(i, out)| {
                f(inputs.map(|input| &input[i * length..][..length]), out);
            });
        };
        // SAFETY: the rows tile the buffer and `f` writes each in full.
        unsafe { written(len, fill) }
    }

    /// Column by column, what `f` leaves in the first of the blocks copied from `inputs`; and the `sums` numbers to
    /// which `f` adds, which also learns how many of the columns are real. The others are zero.
    pub(crate) fn map<T: Float, S: Stored<T>, const N: usize>(
        &self,
        inputs: [&[S]; N],
        sums: usize,
        f: impl Fn([&mut [Lanes<T>]; N], usize, &mut [f64]) + Sync,
    ) -> (Vec<S>, Vec<f64>) {
        /// Independent sums, whatever the number of threads, so that results repeat.
        const PARTS: usize = 64;
        let count = self.outer * self.inner;
        if count * self.length == 0 {
            return (Vec::new(), vec![0.0; sums]);
        }
        let blocks = count.div_ceil(WIDTH);
        let share = blocks.div_ceil(PARTS);
        let mut parts = vec![0.0; blocks.div_ceil(share) * sums.max(1)];
        let fill = |out: &mut [MaybeUninit<S>]| {
            let out = Shared::unwritten(out);
            let tasks = parts.par_chunks_exact_mut(sums.max(1)).enumerate();
            tasks.for_each_init(
                || std::array::from_fn::<_, N, _>(|_| vec![[T::ZERO; WIDTH]; self.length]),
                |scratch, (part, sums)| {
                    for block in part * share..blocks.min((part + 1) * share) {
                        let columns = block * WIDTH..count.min((block + 1) * WIDTH);
                        for (rows, input) in scratch.iter_mut().zip(inputs) {
                            self.take(input, &columns, rows);
                        }
                        let real = columns.len();
                        f(scratch.each_mut().map(Vec::as_mut_slice), real, sums);
                        if let Some(rows) = scratch.first() {
                            // SAFETY: the columns of the blocks are disjoint and lie within the buffer.
                            unsafe { self.put(rows, &columns, out) };
                        }
                    }
                },
            );
        };
        // SAFETY: the blocks cover all columns and `put` writes them in full.
        let out = unsafe { written(count * self.length, fill) };
        let mut total = vec![0.0; sums];
        for part in parts.chunks_exact(sums.max(1)) {
            total.iter_mut().zip(part).for_each(|(total, part)| *total += part);
        }
        (out, total)
    }

    /// Runs of columns that lie side by side: where they begin in the block and in the tensor, and how many.
    fn runs(&self, columns: &Range<usize>) -> impl Iterator<Item = (usize, usize, usize)> {
        let (this, end, begin) = (*self, columns.end, columns.start);
        let mut next = begin;
        std::iter::from_fn(move || {
            let here = next;
            let (outer, inner) = (here / this.inner, here % this.inner);
            let count = (this.inner - inner).min(end - here);
            next += count;
            (count > 0).then_some((here - begin, outer * this.length * this.inner + inner, count))
        })
    }

    fn take<T: Float, S: Stored<T>>(&self, from: &[S], columns: &Range<usize>, rows: &mut [Lanes<T>]) {
        if columns.len() < WIDTH {
            rows.fill([T::ZERO; WIDTH]);
        }
        for (lane, start, count) in self.runs(columns) {
            for (i, row) in rows.iter_mut().enumerate() {
                S::widen(&from[start + i * self.inner..][..count], &mut row[lane..][..count]);
            }
        }
    }

    /// # Safety
    /// The columns lie within the buffer and nobody else touches them meanwhile.
    unsafe fn put<T: Float, S: Stored<T>>(&self, rows: &[Lanes<T>], columns: &Range<usize>, out: Shared<S>) {
        for (lane, start, count) in self.runs(columns) {
            for (i, row) in rows.iter().enumerate() {
                // SAFETY: by the caller's promise.
                let to = unsafe { out.unwritten_slice(start + i * self.inner, count) };
                S::narrow(&row[lane..][..count], to);
            }
        }
    }
}

/// Sums over the rows, lane by lane, in groups to keep the rounding small.
#[inline(always)]
pub(crate) fn total<T: Float, const N: usize>(
    count: usize,
    mut term: impl FnMut(usize, &mut [T; N]),
) -> [T; N] {
    const GROUP: usize = 16;
    let mut sum = [T::ZERO; N];
    for start in (0..count).step_by(GROUP) {
        let mut part = [T::ZERO; N];
        for i in start..count.min(start + GROUP) {
            term(i, &mut part);
        }
        sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
    }
    sum
}

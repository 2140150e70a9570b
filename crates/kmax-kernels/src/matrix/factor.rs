//! How the factors of a product are held.

use super::kernel::{Panel, width};
use super::{MOST_DEEP, ROWS, Range, RowScales, packed_len};
use crate::cpu::{Columns, Float, Kernel, Plain, Ranges, join, of_pair, pair, run, run_pairs, simd_fn};
use std::ops;

/// What inference multiplies: values as they are, or rounded ones. Sums are made in float32 always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Factors {
    /// As they are stored.
    #[default]
    Exact,
    /// Rounded to bfloat16: twice as many products in the same time where the machine
    /// [has the instruction](crate::multiplies_bfloat16), the same result, slowly, where not. Maps that convolutions make are rounded so too. For
    /// parameters in float32 alone.
    Bfloat16,
    /// 8-bit integers: weights in steps of a scale for each output, inputs in 256 steps from the lowest to the highest number that a pixel meets.
    /// Four times as many products in the same time where the machine [has the instruction](crate::multiplies_int8). Their sums are
    /// exact integers. For parameters and maps in float32 alone.
    Int8,
}

/// One of [`Factors`] as a type: how many neighbours in depth stand in a unit, and which registers multiply units.
pub(crate) trait Factor<T: Float>: Copy + Send + Sync {
    /// What a product takes at a time: as large as a sum.
    type Unit: Plain;
    /// Neighbours in depth of a unit.
    const DEEP: usize;

    /// Runs `kernel` with the registers of this path.
    ///
    /// # Safety
    /// What the kernel itself asks for.
    unsafe fn run<K: Kernel<T>>(kernel: K) -> K::Output;

    /// Whether units are numbers of a [range](Ranges) that each column has.
    const RANGED: bool = false;

    /// Units at whose multiples parts of a sum may begin.
    const PART: usize = 1;

    /// Weights `[rows, depth]` in panels `[rows / ROWS, units, ROWS]`, the last one filled with zeros.
    fn pack(weights: &[T], rows: usize, depth: usize) -> Vec<Self::Unit>;

    /// The reverse, for so many rows.
    fn unpack(packed: &[Self::Unit], rows: usize, depth: usize) -> Vec<T>;

    /// Elements of what is packed.
    fn packed_len(rows: usize, depth: usize) -> usize {
        packed_len(rows, depth.div_ceil(Self::DEEP))
    }

    /// Takes rows of the columns into their ranges, at most [`MOST_DEEP`].
    fn take(ranges: &mut Ranges, rows: &[&[T]]) {
        let _ = (ranges, rows);
    }

    /// Units of neighbouring rows, at most [`Self::DEEP`] and of one length; anything in place of missing ones, whose weights are zero.
    fn join(rows: &[&[T]], columns: Columns, to: &mut [Self::Unit]);

    /// The same in pieces of a panel's width, which stand `step` apart in `to`.
    fn spread(rows: &[&[T]], columns: Columns, to: &mut [Self::Unit], step: usize);

    /// Of the rows from `first` on, over the units `part`: what their sums stand for together with the columns' ranges.
    fn rows(
        packed: &[Self::Unit],
        (rows, depth): (usize, usize),
        first: usize,
        part: &ops::Range<usize>,
    ) -> Option<RowScales<T>> {
        let _ = (packed, rows, depth, first, part);
        None
    }

    /// That, for some columns.
    fn range(rows: Option<RowScales<T>>, columns: Columns) -> Option<Range<T>> {
        let _ = (rows, columns);
        None
    }

    /// The units as values, if each is one.
    fn as_values(units: &mut [Self::Unit]) -> Option<&mut [T]>;
}

/// Weights in panels of units that `unit` makes of at most `deep` neighbours in a row.
pub(super) fn panels<T: Float, U: Plain>(
    weights: &[T],
    (rows, depth): (usize, usize),
    deep: usize,
    unit: impl Fn(usize, &[T]) -> U,
) -> Vec<U> {
    let units = depth.div_ceil(deep);
    let mut packed = vec![U::default(); packed_len(rows, units)];
    for (j, row) in weights.chunks_exact(depth.max(1)).enumerate() {
        let panel = &mut packed[j / ROWS * ROWS * units..][..ROWS * units];
        let places = panel.iter_mut().skip(j % ROWS).step_by(ROWS);
        places.zip(row.chunks(deep)).for_each(|(to, values)| *to = unit(j, values));
    }
    packed
}

/// The reverse of [`panels`]: `numbers` writes those of a unit of a row.
pub(super) fn rows_of<T: Float, U: Plain>(
    packed: &[U],
    (rows, depth): (usize, usize),
    deep: usize,
    numbers: impl Fn(usize, U, &mut [T]),
) -> Vec<T> {
    let (mut weights, units) = (vec![T::ZERO; rows * depth], depth.div_ceil(deep));
    for (j, row) in weights.chunks_exact_mut(depth.max(1)).enumerate() {
        let panel = &packed[j / ROWS * ROWS * units..][..ROWS * units];
        let units = panel.iter().skip(j % ROWS).step_by(ROWS);
        units.zip(row.chunks_mut(deep)).for_each(|(unit, values)| numbers(j, *unit, values));
    }
    weights
}

/// [`Factors::Exact`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exact;

impl<T: Float> Factor<T> for Exact {
    type Unit = T;
    const DEEP: usize = 1;

    #[inline(always)]
    unsafe fn run<K: Kernel<T>>(kernel: K) -> K::Output {
        // SAFETY: the caller's promise.
        unsafe { run(kernel) }
    }

    fn pack(weights: &[T], rows: usize, depth: usize) -> Vec<T> {
        panels(weights, (rows, depth), 1, |_, values| values[0])
    }

    fn unpack(packed: &[T], rows: usize, depth: usize) -> Vec<T> {
        rows_of(packed, (rows, depth), 1, |_, unit, to| to[0] = unit)
    }

    fn join(rows: &[&[T]], _: Columns, to: &mut [T]) {
        to.copy_from_slice(rows[0]);
    }

    fn spread(rows: &[&[T]], _: Columns, to: &mut [T], step: usize) {
        match Panel::of::<T>() {
            Panel::Wide => spread_panels::<T, { Panel::WIDE }>(rows[0], to, step),
            Panel::Narrow => spread_panels::<T, { Panel::NARROW }>(rows[0], to, step),
        }
    }

    fn as_values(units: &mut [T]) -> Option<&mut [T]> {
        Some(units)
    }
}

simd_fn! {
    /// [`Factor::spread`] of one row with `W` elements a piece: copies of a constant length need no call.
    fn spread_panels[I, T, const W: usize](row: &[T], to: &mut [T], step: usize) {
        let (panels, rest) = row.as_chunks::<W>();
        let mut places = to.chunks_mut(step);
        for (panel, to) in panels.iter().zip(places.by_ref()) {
            if let Some(to) = to.first_chunk_mut::<W>() {
                *to = *panel;
            }
        }
        if let (false, Some(to)) = (rest.is_empty(), places.next()) {
            to[..rest.len()].copy_from_slice(rest);
        }
    }
}

/// [`Factor::spread`] by [`Factor::join`].
pub(super) fn in_pieces<F: Factor<f32>>(rows: &[&[f32]], columns: Columns, to: &mut [F::Unit], step: usize) {
    let (wide, mut piece) = (width::<f32>(), [[].as_slice(); MOST_DEEP]);
    let len = rows[0].len();
    for (from, to) in (0..len).step_by(wide).zip(to.chunks_mut(step)) {
        let here = from..(from + wide).min(len);
        piece.iter_mut().zip(rows).for_each(|(piece, row)| *piece = &row[here.clone()]);
        F::join(&piece[..rows.len()], columns.from(from), &mut to[..here.len()]);
    }
}

/// [`Factors::Bfloat16`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bfloat16;

/// Zeros beside the last row of an odd number.
const ZEROS: [f32; 512] = [0.0; 512];

impl Factor<f32> for Bfloat16 {
    type Unit = u32;
    const DEEP: usize = 2;

    #[inline(always)]
    unsafe fn run<K: Kernel<f32>>(kernel: K) -> K::Output {
        // SAFETY: the caller's promise.
        unsafe { run_pairs(kernel) }
    }

    fn pack(weights: &[f32], rows: usize, depth: usize) -> Vec<u32> {
        panels(weights, (rows, depth), 2, |_, values| pair(values[0], values.get(1).copied().unwrap_or(0.0)))
    }

    fn unpack(packed: &[u32], rows: usize, depth: usize) -> Vec<f32> {
        rows_of(packed, (rows, depth), 2, |_, unit, to: &mut [f32]| {
            to.iter_mut().zip(of_pair(unit)).for_each(|(to, number)| *to = number);
        })
    }

    fn join(rows: &[&[f32]], _: Columns, to: &mut [u32]) {
        match rows {
            [first, second] => join(first, second, to),
            [first] => {
                let pieces = first.chunks(ZEROS.len()).zip(to.chunks_mut(ZEROS.len()));
                pieces.for_each(|(first, to)| join(first, &ZEROS[..first.len()], to));
            }
            _ => unreachable!("one or two rows"),
        }
    }

    fn spread(rows: &[&[f32]], columns: Columns, to: &mut [u32], step: usize) {
        in_pieces::<Self>(rows, columns, to, step);
    }

    fn as_values(_: &mut [u32]) -> Option<&mut [f32]> {
        None
    }
}

//! How the factors of a product are held.

use super::kernel::Panel;
use crate::cpu::{Float, Kernel, Plain, join, of_pair, pair, run, run_pairs, simd_fn};

/// What inference multiplies: values as they are, or rounded ones. Sums are never rounded so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Factors {
    /// As they are stored.
    #[default]
    Exact,
    /// Rounded to bfloat16: twice as many products in the same time where the machine
    /// [has the instruction](crate::multiplies_bfloat16), the same result, slowly, where not. For float32 alone.
    Bfloat16,
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

    /// The unit of at most [`Self::DEEP`] neighbours, zeros behind.
    fn unit(values: &[T]) -> Self::Unit;

    /// The first of its numbers, as many as `to` has.
    fn numbers(unit: Self::Unit, to: &mut [T]);

    /// Units of neighbouring rows, at most [`Self::DEEP`] and of one length; zeros in place of missing ones.
    fn join(rows: &[&[T]], to: &mut [Self::Unit]);

    /// The same in pieces of a panel's width, which stand `step` apart in `to`.
    fn spread(rows: &[&[T]], to: &mut [Self::Unit], step: usize);

    /// The units as values, if each is one.
    fn as_values(units: &mut [Self::Unit]) -> Option<&mut [T]>;
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

    #[inline(always)]
    fn unit(values: &[T]) -> T {
        values.first().copied().unwrap_or(T::ZERO)
    }

    #[inline(always)]
    fn numbers(unit: T, to: &mut [T]) {
        to[0] = unit;
    }

    fn join(rows: &[&[T]], to: &mut [T]) {
        to.copy_from_slice(rows[0]);
    }

    fn spread(rows: &[&[T]], to: &mut [T], step: usize) {
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

    #[inline(always)]
    fn unit(values: &[f32]) -> u32 {
        pair(values.first().copied().unwrap_or(0.0), values.get(1).copied().unwrap_or(0.0))
    }

    #[inline(always)]
    fn numbers(unit: u32, to: &mut [f32]) {
        to.iter_mut().zip(of_pair(unit)).for_each(|(to, number)| *to = number);
    }

    fn join(rows: &[&[f32]], to: &mut [u32]) {
        match rows {
            [first, second] => join(first, second, to),
            [first] => {
                let pieces = first.chunks(ZEROS.len()).zip(to.chunks_mut(ZEROS.len()));
                pieces.for_each(|(first, to)| join(first, &ZEROS[..first.len()], to));
            }
            _ => unreachable!("one or two rows"),
        }
    }

    fn spread(rows: &[&[f32]], to: &mut [u32], step: usize) {
        let (wide, mut piece) = (super::width::<f32>(), [[].as_slice(); 2]);
        let len = rows[0].len();
        for (from, to) in (0..len).step_by(wide).zip(to.chunks_mut(step)) {
            let here = from..(from + wide).min(len);
            piece.iter_mut().zip(rows).for_each(|(piece, row)| *piece = &row[here.clone()]);
            Self::join(&piece[..rows.len()], &mut to[..here.len()]);
        }
    }

    fn as_values(_: &mut [u32]) -> Option<&mut [f32]> {
        None
    }
}

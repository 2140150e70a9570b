//! Factors of eight bits.

use super::factor::{Factor, in_pieces, panels, rows_of};
use super::{ROWS, Range, RowScales, packed_len};
use crate::cpu::{Columns, Kernel, Ranges, join_quads, quad, run_quads, signed, weight_scale};
use std::ops;

/// [`super::Factors::Int8`].
///
/// Behind the units stand, as bits, each row's scale, and for every `PART` units from the first on the sum of the row's factors before them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Int8;

impl Factor<f32> for Int8 {
    type Unit = u32;
    const DEEP: usize = 4;
    const RANGED: bool = true;
    const PART: usize = 96;

    #[inline(always)]
    unsafe fn run<K: Kernel<f32>>(kernel: K) -> K::Output {
        // SAFETY: the caller's promise.
        unsafe { run_quads(kernel) }
    }

    fn pack(weights: &[f32], rows: usize, depth: usize) -> Vec<u32> {
        let all = rows.next_multiple_of(ROWS);
        // One that is no number makes each output of its row none.
        let mut scales: Vec<f32> = weights.chunks_exact(depth.max(1)).map(weight_scale).collect();
        scales.resize(all, 0.0);
        let mut packed = panels(weights, (rows, depth), Self::DEEP, |row, values| quad(values, scales[row]));
        let units = depth.div_ceil(Self::DEEP);
        let mut sums = vec![0i32; all];
        let mut behind: Vec<u32> = scales.iter().map(|scale| scale.to_bits()).collect();
        for from in (0..=units.div_ceil(Self::PART)).map(|part| part * Self::PART) {
            behind.extend(sums.iter().map(|sum| *sum as u32));
            for (row, sum) in sums.iter_mut().enumerate() {
                let panel = &packed[row / ROWS * ROWS * units..][..ROWS * units];
                let quads = panel.iter().skip(from * ROWS + row % ROWS).step_by(ROWS).take(Self::PART);
                *sum += quads.flat_map(|quad| signed(*quad)).map(i32::from).sum::<i32>();
            }
        }
        packed.extend(behind);
        packed
    }

    fn unpack(packed: &[u32], rows: usize, depth: usize) -> Vec<f32> {
        let scales = &packed[packed_len(rows, depth.div_ceil(Self::DEEP))..];
        rows_of(packed, (rows, depth), Self::DEEP, |row, unit, to: &mut [f32]| {
            let factors = signed(unit).map(|factor| f32::from(factor) * f32::from_bits(scales[row]));
            to.iter_mut().zip(factors).for_each(|(to, number)| *to = number);
        })
    }

    fn packed_len(rows: usize, depth: usize) -> usize {
        let units = depth.div_ceil(Self::DEEP);
        packed_len(rows, units) + rows.next_multiple_of(ROWS) * (2 + units.div_ceil(Self::PART))
    }

    fn take(ranges: &mut Ranges, rows: &[&[f32]]) {
        ranges.take(std::array::from_fn(|i| rows[i.min(rows.len() - 1)]));
    }

    fn join(rows: &[&[f32]], columns: Columns, to: &mut [u32]) {
        // Any row serves in place of one whose weights are zero.
        join_quads(std::array::from_fn(|i| rows[i.min(rows.len() - 1)]), columns, to);
    }

    fn spread(rows: &[&[f32]], columns: Columns, to: &mut [u32], step: usize) {
        in_pieces::<Self>(rows, columns, to, step);
    }

    fn rows(
        packed: &[u32],
        (rows, depth): (usize, usize),
        first: usize,
        part: &ops::Range<usize>,
    ) -> Option<RowScales<f32>> {
        let begins = |unit: usize| unit.is_multiple_of(Self::PART);
        let is_last = part.end == depth.div_ceil(Self::DEEP);
        debug_assert!(begins(part.start) && (begins(part.end) || is_last), "{part:?} is no part of a sum");
        let (all, behind) = (rows.next_multiple_of(ROWS), packed_len(rows, depth.div_ceil(Self::DEEP)));
        let of_panel = |list: usize| &packed[behind + list * all + first..][..ROWS];
        let scales: [f32; ROWS] = std::array::from_fn(|i| f32::from_bits(of_panel(0)[i]));
        let [start, end] = [part.start, part.end].map(|unit| of_panel(1 + unit.div_ceil(Self::PART)));
        let totals = std::array::from_fn(|i| (end[i] as i32 - start[i] as i32) as f32 * scales[i]);
        Some(RowScales { scales, totals })
    }

    #[inline(always)]
    fn range(rows: Option<RowScales<f32>>, columns: Columns) -> Option<Range<f32>> {
        Some(Range { steps: columns.step.as_ptr(), lows: columns.low.as_ptr(), rows: rows? })
    }

    fn as_values(_: &mut [u32]) -> Option<&mut [f32]> {
        None
    }
}

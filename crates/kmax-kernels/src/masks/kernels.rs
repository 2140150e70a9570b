//! The loops over queries.

use super::BLOCK;
use crate::cpu::simd_fn;

simd_fn! {
    pub(super) fn mix_weights[I, T](above: &[T], below: &[T], stride: usize, share: T, out: &mut [[T; BLOCK]]) {
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
    pub(super) fn mix_difference[I, T](above: &[T], below: &[T], stride: usize, share: T, out: &mut [[T; BLOCK]]) {
        let lines = above.chunks(stride).zip(below.chunks(stride));
        for (out, (above, below)) in out.iter_mut().zip(lines) {
            let (above, below) = (&above[..BLOCK], &below[..BLOCK]);
            for lane in 0..BLOCK {
                // Two roundings, as in the reference implementation.
                out[lane] = above[lane] + (below[lane] - above[lane]) * share;
            }
        }
    }
}

simd_fn! {
    /// The largest of `start` and the rows, lane by lane.
    pub(super) fn largest[I, T](rows: &[[T; BLOCK]], start: [T; BLOCK]) -> [T; BLOCK] {
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
    pub(super) fn first_of[I, T](rows: &[[T; BLOCK]], most: &[T; BLOCK]) -> [u32; BLOCK] {
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
    pub(super) fn exponentials[I, T](rows: &mut [[T; BLOCK]], most: &[T; BLOCK]) -> [T; BLOCK] {
        let mut sums = [T::ZERO; BLOCK];
        for row in rows {
            for lane in 0..BLOCK {
                row[lane] = (row[lane] - most[lane]).exponential::<I>();
                sums[lane] += row[lane];
            }
        }
        sums
    }
}

simd_fn! {
    pub(super) fn any_above[I, T](row: &[T; BLOCK], bound: &[T; BLOCK]) -> bool {
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
    pub(super) fn best_row[I, T](rows: &[[T; BLOCK]], order: &[usize], weights: &[T]) -> [u32; BLOCK] {
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

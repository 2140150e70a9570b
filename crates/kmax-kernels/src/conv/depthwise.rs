//! Depthwise convolution of one map, and its two gradients.
//!
//! The map is first copied into a padded scratch buffer whose columns are split by their remainder modulo the stride
//! ("phases"): every kernel tap then reads consecutive elements, whatever the stride. Accumulators stay in
//! registers over all taps.

use super::depthwise_rows::square;
use super::depthwise_taps::{Shifted, UNIT, correlate};
use super::geometry::Geometry;
use crate::cpu::{Float, Isa, copied, simd_fn, to_write};
use std::mem::MaybeUninit;

/// Elements that one pass keeps in registers; scratch rows have as many to spare at their end.
const LANES: usize = 64;
/// The same for what is left of a row.
const TAIL: usize = 16;

/// Rows of which those rests are done at once.
const ROWS: usize = 4;

/// One weight and where, relative to the output element, its factor lies.
type Tap<T> = (usize, T);

/// A padded copy of a map.
#[derive(Debug, Default)]
pub(crate) struct Scratch<T> {
    values: Vec<T>,
    /// Elements of one phase of one row.
    row: usize,
    /// Elements of all phases of one row.
    step: usize,
    /// Zero-padded rows of the outgoing gradient, or one row of results.
    other: Vec<T>,
}

impl<T: Float> Scratch<T> {
    /// Zeros, at least where the next map does not write. One scratch serves maps of one shape and purpose, which
    /// all write the same places.
    fn clear(&mut self, len: usize) {
        if self.values.len() != len {
            self.values.clear();
            self.values.resize(len, T::ZERO);
        }
    }

    /// Takes in the map `x` of the input, padded and phase-split.
    fn split(&mut self, x: &[T], g: &Geometry) {
        let (stride, (height, width)) = (g.params.stride, g.size);
        self.row = (width + 2 * g.params.padding.1).div_ceil(stride) + LANES;
        self.step = self.row * stride;
        self.clear(self.step * (height + 2 * g.params.padding.0));
        let rows = self.values.chunks_exact_mut(self.step).skip(g.params.padding.0);
        for (row, from) in rows.zip(x.chunks_exact(width.max(1))) {
            if stride == 1 {
                row[g.params.padding.1..][..width].copy_from_slice(from);
                continue;
            }
            for phase in 0..stride {
                // The first column of this phase that the padding does not cover.
                let first = (phase + stride - g.params.padding.1 % stride) % stride;
                let to = &mut row[phase * self.row + (first + g.params.padding.1) / stride..];
                every(stride, from.get(first..).unwrap_or(&[]), to);
            }
        }
    }

    /// Takes in the map `grad` of the output with `above` zero rows, `left` zero columns and zeros behind.
    fn surround(&mut self, grad: &[T], g: &Geometry, (above, left): (usize, usize)) {
        let rows = above + (g.size.0 + 2 * g.params.padding.0).div_ceil(g.params.stride);
        self.row = left + (g.size.1 + 2 * g.params.padding.1).div_ceil(g.params.stride) + LANES;
        self.step = self.row;
        self.clear(self.step * rows);
        let to = self.values.chunks_exact_mut(self.step).skip(above);
        for (row, from) in to.zip(grad.chunks_exact(g.out.1)) {
            row[left..][..g.out.1].copy_from_slice(from);
        }
    }
}

/// Convolves the map `x` with `kernel` into `out`.
pub(crate) fn forward<T: Float>(
    x: &[T],
    kernel: &[T],
    g: &Geometry,
    out: &mut [MaybeUninit<T>],
    scratch: &mut Scratch<T>,
) {
    scratch.split(x, g);
    let (values, step) = (&scratch.values, scratch.step);
    match (g.params.stride, g.kernel) {
        (1, (3, 3)) => return square::<T, 3>(values, step, kernel, out, g.out.1),
        (1, (5, 5)) => return square::<T, 5>(values, step, kernel, out, g.out.1),
        (1, (7, 7)) => return square::<T, 7>(values, step, kernel, out, g.out.1),
        _ => {}
    }
    let taps = taps(kernel, g, scratch.row, scratch.step);
    gather_rows(&scratch.values, scratch.step * g.params.stride, &taps, out, g.out.1);
}

/// `to[i] = from[i * stride]`, as far as `from` reaches.
#[inline(always)]
fn every<T: Float>(stride: usize, from: &[T], to: &mut [T]) {
    if stride != 2 {
        to.iter_mut().zip(from.iter().step_by(stride)).for_each(|(to, value)| *to = *value);
        return;
    }
    let pairs = from.chunks_exact(2);
    if let [last] = pairs.remainder() {
        to[from.len() / 2] = *last;
    }
    to.iter_mut().zip(pairs).for_each(|(to, pair)| *to = pair[0]);
}

fn taps<T: Float>(kernel: &[T], g: &Geometry, row: usize, step: usize) -> Vec<Tap<T>> {
    let place = |i: usize| {
        let (ky, kx) = (i / g.kernel.1, i % g.kernel.1);
        ky * step + kx % g.params.stride * row + kx / g.params.stride
    };
    kernel.iter().enumerate().map(|(i, weight)| (place(i), *weight)).collect()
}

/// The gradient of the input map for the gradient `grad` of the output map.
pub(crate) fn input_gradient<T: Float>(
    grad: &[T],
    kernel: &[T],
    g: &Geometry,
    out: &mut [MaybeUninit<T>],
    scratch: &mut Scratch<T>,
) {
    let (s, width) = (g.params.stride, g.size.1);
    let (above, left) = ((g.kernel.0 - 1) / s, (g.kernel.1 - 1) / s);
    scratch.surround(grad, g, (above, left));
    // An input element meets the taps that share its remainders modulo the stride.
    let class = |remainder: (usize, usize)| -> Vec<Tap<T>> {
        let all = kernel.iter().enumerate().map(|(i, weight)| (i / g.kernel.1, i % g.kernel.1, *weight));
        all.filter(|(ky, kx, _)| (ky % s, kx % s) == remainder)
            .map(|(ky, kx, weight)| ((above - ky / s) * scratch.step + left - kx / s, weight))
            .collect()
    };
    if s == 1 {
        let (values, step) =
            (&scratch.values[g.params.padding.0 * scratch.step + g.params.padding.1..], scratch.step);
        let turned = || kernel.iter().rev().copied().collect::<Vec<_>>();
        match g.kernel {
            (3, 3) => square::<T, 3>(values, step, &turned(), out, width),
            (5, 5) => square::<T, 5>(values, step, &turned(), out, width),
            (7, 7) => square::<T, 7>(values, step, &turned(), out, width),
            _ => gather_rows(values, step, &class((0, 0)), out, width),
        }
        return;
    }
    let classes: Vec<_> = (0..s * s).map(|i| class((i / s, i % s))).collect();
    scratch.other.resize((width + 2 * g.params.padding.1).div_ceil(s), T::ZERO);
    for (y, row) in out.chunks_exact_mut(width.max(1)).enumerate() {
        let y = y + g.params.padding.0;
        for phase in 0..s {
            let taps = &classes[y % s * s + phase];
            let result = &mut scratch.other[..];
            let length = result.len();
            // SAFETY: `gather_rows` writes sums.
            let to = unsafe { to_write(result) };
            gather_rows(&scratch.values[y / s * scratch.step..], scratch.step, taps, to, length);
            let first = (phase + s - g.params.padding.1 % s) % s;
            let values = &result[((first + g.params.padding.1) / s).min(length)..];
            for (to, value) in row.iter_mut().skip(first).step_by(s).zip(values) {
                to.write(*value);
            }
        }
    }
}

/// Adds the gradient of the kernel for the map `x` and the gradient `grad` of the output map to `sums`.
pub(crate) fn kernel_gradient<T: Float>(
    x: &[T],
    grad: &[T],
    g: &Geometry,
    sums: &mut [f64],
    scratch: &mut Scratch<T>,
) {
    scratch.split(x, g);
    let length = g.out.1.next_multiple_of(UNIT);
    scratch.other.clear();
    scratch.other.resize(length * g.out.0, T::ZERO);
    for (to, from) in scratch.other.chunks_exact_mut(length).zip(grad.chunks_exact(g.out.1)) {
        to[..g.out.1].copy_from_slice(from);
    }
    let zeros = vec![T::ZERO; g.taps()];
    let places = taps(&zeros, g, scratch.row, scratch.step).into_iter().map(|(place, _)| place);
    let places: Vec<usize> = places.collect();
    let map = Shifted {
        values: &scratch.values,
        step: scratch.step * g.params.stride,
        grad: &scratch.other,
        length,
    };
    match g.kernel.1 {
        3 => correlate::<T, 3>(&map, &places, sums),
        5 => correlate::<T, 5>(&map, &places, sums),
        7 => correlate::<T, 7>(&map, &places, sums),
        _ => correlate::<T, 1>(&map, &places, sums),
    }
}

simd_fn! {
    /// Every row `y` of `out`, `width` elements each, from `values[y * step..]`.
    ///
    /// What does not fill `LANES` is done for `ROWS` rows at once: one row alone would wait for its own sums.
    fn gather_rows[I, T](values: &[T], step: usize, taps: &[Tap<T>], out: &mut [MaybeUninit<T>], width: usize) {
        let whole = width / LANES * LANES;
        for (group, out) in out.chunks_mut((ROWS * width).max(1)).enumerate() {
            let rows = &values[group * ROWS * step..];
            for (y, out) in out.chunks_exact_mut(width).enumerate() {
                for done in (0..whole).step_by(LANES) {
                    let sums = gather::<I, T, LANES, 1>(&rows[y * step + done..], 0, taps);
                    copied(&mut out[done..][..LANES], &sums[0]);
                }
            }
            for done in (whole..width).step_by(TAIL) {
                let count = (width - done).min(TAIL);
                let full = out.len() == ROWS * width;
                let sums = if full { gather::<I, T, TAIL, ROWS>(&rows[done..], step, taps) } else { [[T::ZERO; TAIL]; ROWS] };
                for (y, out) in out.chunks_exact_mut(width).enumerate() {
                    let row = if full { sums[y] } else { gather::<I, T, TAIL, 1>(&rows[y * step + done..], 0, taps)[0] };
                    copied(&mut out[done..][..count], &row[..count]);
                }
            }
        }
    }
}

#[inline(always)]
fn gather<I: Isa, T: Float, const N: usize, const R: usize>(
    rows: &[T],
    step: usize,
    taps: &[Tap<T>],
) -> [[T; N]; R] {
    let mut sums = [[T::ZERO; N]; R];
    // `Scratch` leaves `LANES` elements behind the last one that a tap can ask for.
    let last = rows.len().saturating_sub((R - 1) * step + N);
    for (offset, weight) in taps {
        let rows = &rows[(*offset).min(last)..];
        for (y, sums) in sums.iter_mut().enumerate() {
            for (sum, value) in sums.iter_mut().zip(&rows[y * step..][..N]) {
                *sum = I::mul_add(*value, *weight, *sum);
            }
        }
    }
    sums
}

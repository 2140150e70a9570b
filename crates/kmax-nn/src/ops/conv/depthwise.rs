//! Depthwise convolution of one map, and its two gradients.
//!
//! The map is first copied into a padded scratch buffer whose columns are split by their remainder modulo the stride
//! ("phases"): every kernel tap then reads consecutive elements, whatever the stride. Accumulators stay in
//! registers over all taps.

use super::geometry::Geometry;
use crate::ops::real::Real;
use crate::ops::simd::{Isa, simd_fn};

/// Elements that one pass keeps in registers; scratch rows have as many to spare at their end.
const LANES: usize = 64;
/// The same for what is left of a row.
const TAIL: usize = 16;

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

impl<T: Real> Scratch<T> {
    /// Takes in the map `x` of the input, padded and phase-split.
    fn split(&mut self, x: &[T], g: &Geometry) {
        let (stride, (height, width)) = (g.stride, g.size);
        self.row = (width + 2 * g.padding.1).div_ceil(stride) + LANES;
        self.step = self.row * stride;
        self.values.clear();
        self.values.resize(self.step * (height + 2 * g.padding.0), T::ZERO);
        let rows = self.values.chunks_exact_mut(self.step).skip(g.padding.0);
        for (row, from) in rows.zip(x.chunks_exact(width.max(1))) {
            if stride == 1 {
                row[g.padding.1..][..width].copy_from_slice(from);
                continue;
            }
            for phase in 0..stride {
                // The first column of this phase that the padding does not cover.
                let first = (phase + stride - g.padding.1 % stride) % stride;
                let to = row[phase * self.row + (first + g.padding.1) / stride..].iter_mut();
                let values = from.iter().skip(first).step_by(stride);
                to.zip(values).for_each(|(to, value)| *to = *value);
            }
        }
    }

    /// Takes in the map `grad` of the output with `above` zero rows, `left` zero columns and zeros behind.
    fn surround(&mut self, grad: &[T], g: &Geometry, (above, left): (usize, usize)) {
        let rows = above + (g.size.0 + 2 * g.padding.0).div_ceil(g.stride);
        self.row = left + (g.size.1 + 2 * g.padding.1).div_ceil(g.stride) + LANES;
        self.step = self.row;
        self.values.clear();
        self.values.resize(self.step * rows, T::ZERO);
        let to = self.values.chunks_exact_mut(self.step).skip(above);
        for (row, from) in to.zip(grad.chunks_exact(g.out.1)) {
            row[left..][..g.out.1].copy_from_slice(from);
        }
    }
}

/// Convolves the map `x` with `kernel` into `out`.
pub(crate) fn forward<T: Real>(x: &[T], kernel: &[T], g: &Geometry, out: &mut [T], scratch: &mut Scratch<T>) {
    scratch.split(x, g);
    let taps = taps(kernel, g, scratch.row, scratch.step);
    gather_rows(&scratch.values, scratch.step * g.stride, &taps, out, g.out.1);
}

fn taps<T: Real>(kernel: &[T], g: &Geometry, row: usize, step: usize) -> Vec<Tap<T>> {
    let place = |i: usize| {
        let (ky, kx) = (i / g.kernel.1, i % g.kernel.1);
        ky * step + kx % g.stride * row + kx / g.stride
    };
    kernel.iter().enumerate().map(|(i, weight)| (place(i), *weight)).collect()
}

/// The gradient of the input map for the gradient `grad` of the output map.
pub(crate) fn input_gradient<T: Real>(
    grad: &[T],
    kernel: &[T],
    g: &Geometry,
    out: &mut [T],
    scratch: &mut Scratch<T>,
) {
    let (s, width) = (g.stride, g.size.1);
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
        let first = g.padding.0 * scratch.step + g.padding.1;
        gather_rows(&scratch.values[first..], scratch.step, &class((0, 0)), out, width);
        return;
    }
    let classes: Vec<_> = (0..s * s).map(|i| class((i / s, i % s))).collect();
    scratch.other.resize((width + 2 * g.padding.1).div_ceil(s), T::ZERO);
    for (y, row) in out.chunks_exact_mut(width.max(1)).enumerate() {
        let y = y + g.padding.0;
        for phase in 0..s {
            let taps = &classes[y % s * s + phase];
            let result = &mut scratch.other[..];
            let length = result.len();
            gather_rows(&scratch.values[y / s * scratch.step..], scratch.step, taps, result, length);
            let first = (phase + s - g.padding.1 % s) % s;
            let values = &result[((first + g.padding.1) / s).min(length)..];
            row.iter_mut().skip(first).step_by(s).zip(values).for_each(|(to, value)| *to = *value);
        }
    }
}

/// Adds the gradient of the kernel for the map `x` and the gradient `grad` of the output map to `sums`.
pub(crate) fn kernel_gradient<T: Real>(
    x: &[T],
    grad: &[T],
    g: &Geometry,
    sums: &mut [f64],
    scratch: &mut Scratch<T>,
) {
    scratch.split(x, g);
    let length = g.out.1.next_multiple_of(TAIL);
    scratch.other.clear();
    scratch.other.resize(length * g.out.0, T::ZERO);
    for (to, from) in scratch.other.chunks_exact_mut(length).zip(grad.chunks_exact(g.out.1)) {
        to[..g.out.1].copy_from_slice(from);
    }
    let zeros = vec![T::ZERO; g.taps()];
    let places = taps(&zeros, g, scratch.row, scratch.step).into_iter().map(|(place, _)| place);
    let places: Vec<usize> = places.collect();
    let step = scratch.step * g.stride;
    for (places, sums) in places.chunks_exact(g.kernel.1).zip(sums.chunks_exact_mut(g.kernel.1)) {
        match g.kernel.1 {
            3 => correlate::<T, 3>(&scratch.values, step, places, &scratch.other, length, sums),
            5 => correlate::<T, 5>(&scratch.values, step, places, &scratch.other, length, sums),
            7 => correlate::<T, 7>(&scratch.values, step, places, &scratch.other, length, sums),
            _ => {
                for (place, sum) in places.chunks_exact(1).zip(sums.chunks_exact_mut(1)) {
                    correlate::<T, 1>(&scratch.values, step, place, &scratch.other, length, sum);
                }
            }
        }
    }
}

simd_fn! {
    /// Every row `y` of `out`, `width` elements each, from `values[y * step..]`.
    fn gather_rows[I, T](values: &[T], step: usize, taps: &[Tap<T>], out: &mut [T], width: usize) {
        for (y, out) in out.chunks_exact_mut(width.max(1)).enumerate() {
            let row = &values[y * step..];
            let mut done = 0;
            while width - done >= LANES {
                out[done..][..LANES].copy_from_slice(&gather::<I, T, LANES>(&row[done..], taps));
                done += LANES;
            }
            while done < width {
                let count = (width - done).min(TAIL);
                let sums = gather::<I, T, TAIL>(&row[done..], taps);
                out[done..][..count].copy_from_slice(&sums[..count]);
                done += count;
            }
        }
    }
}

#[inline(always)]
fn gather<I: Isa, T: Real, const N: usize>(row: &[T], taps: &[Tap<T>]) -> [T; N] {
    let mut sums = [T::ZERO; N];
    for (offset, weight) in taps {
        // `Scratch` leaves `LANES` elements behind the last one that a tap can ask for.
        let Some(values) = row.get(*offset..).and_then(|values| values.first_chunk::<N>()) else { break };
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum = I::mul_add(*value, *weight, *sum);
        }
    }
    sums
}

simd_fn! {
    /// `sums[k] += sum over rows y and columns x of values[y * step + places[k] + x] * grad[y * length + x]`.
    ///
    /// Lanes add up in the element type over some thousand products and then in float64.
    fn correlate[I, T, const K: usize](
        values: &[T],
        step: usize,
        places: &[usize],
        grad: &[T],
        length: usize,
        sums: &mut [f64],
    ) {
        const FLUSH: usize = 64;
        let mut lanes = [[T::ZERO; TAIL]; K];
        let mut chunks = 0;
        let rows = grad.len() / length.max(1);
        for (y, grad) in grad.chunks_exact(length.max(1)).enumerate() {
            for (i, factor) in grad.chunks_exact(TAIL).enumerate() {
                for (place, lanes) in places.iter().zip(&mut lanes) {
                    let values = &values[y * step + place + i * TAIL..][..TAIL];
                    for ((lane, value), factor) in lanes.iter_mut().zip(values).zip(factor) {
                        *lane = I::mul_add(*value, *factor, *lane);
                    }
                }
            }
            chunks += length / TAIL;
            if chunks >= FLUSH || y + 1 == rows {
                chunks = 0;
                for (sum, lanes) in sums.iter_mut().zip(&mut lanes) {
                    *sum += lanes.iter().map(|lane| lane.wide()).sum::<f64>();
                    *lanes = [T::ZERO; TAIL];
                }
            }
        }
    }
}

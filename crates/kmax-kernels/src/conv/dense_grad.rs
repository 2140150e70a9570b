//! The two gradients of a dense convolution.

use super::dense::{self, Parts, is_direct};
use super::epilogue::EpilogueValues;
use super::geometry::Geometry;
use super::params::ConvParams;
use super::patches;
use crate::cpu::{Float, Shared};
use crate::product::{Matrix, product};
use rayon::prelude::*;

/// Output elements of a tile.
const TILE: usize = 512;
/// A task of copies takes at least this many elements.
const GRAIN: usize = 16 * 1024;
/// Rows of the patch matrix that one task keeps.
const ROWS: usize = 256;

/// The gradient of the input for the gradient `grad` of the output.
pub(super) fn input_gradient<T: Float>(grad: &[T], w: &[T], g: &Geometry) -> Vec<T> {
    // Without a stride it is the convolution of the gradient with the turned kernel.
    let reach = ((g.kernel.0 - 1) * g.params.dilation, (g.kernel.1 - 1) * g.params.dilation);
    if g.params.stride == 1 && g.params.padding.0 <= reach.0 && g.params.padding.1 <= reach.1 {
        let turned = Geometry {
            input: g.output,
            output: g.input,
            size: g.out,
            out: g.size,
            params: ConvParams {
                padding: (reach.0 - g.params.padding.0, reach.1 - g.params.padding.1),
                ..g.params
            },
            ..*g
        };
        return dense::forward(grad, &turn(w, g), &turned, &EpilogueValues::NONE);
    }
    let (inputs, outputs, taps) = (g.input / g.params.groups, g.output / g.params.groups, g.taps());
    let mut out = vec![T::ZERO; g.batch * g.input * g.in_area()];
    if out.is_empty() || grad.is_empty() {
        return out;
    }
    let channels = Parts::new(inputs, (ROWS / taps).max(1), 1, 1);
    let (area, depth) = (g.out_area(), inputs * taps);
    let shared = Shared::new(&mut out);
    let tasks = g.batch * g.params.groups * channels.number();
    (0..tasks).into_par_iter().with_max_len(1).for_each_init(Vec::new, |patch, task| {
        let (image, block) = (task / channels.number(), channels.part(task % channels.number()));
        let start = (image * inputs + block.start) * g.in_area();
        // SAFETY: the blocks of channels are disjoint and lie within the buffer.
        let maps = unsafe { shared.slice(start, block.len() * g.in_area()) };
        let grad = &grad[image * outputs * area..][..outputs * area];
        let w = &w[image % g.params.groups * outputs * depth + block.start * taps..];
        let rows = block.len() * taps;
        let pixels = Parts::new(area, TILE, 32, 1);
        for pixels in (0..pixels.number()).map(|i| pixels.part(i)) {
            let n = pixels.len();
            patch.resize(rows * n, T::ZERO);
            let lhs = Matrix { values: w, rows: 1, columns: depth };
            let rhs = Matrix { values: &grad[pixels.start..], rows: area, columns: 1 };
            // SAFETY: the tile is this task's own and has `rows * n` elements.
            unsafe { product((rows, n, outputs), (patch.as_mut_ptr(), n), false, lhs, rhs) };
            patches::scatter_add(&patch[..rows * n], g, &pixels, maps);
        }
    });
    out
}

/// The kernel with its input and output channels swapped and its taps turned by half a circle.
fn turn<T: Float>(w: &[T], g: &Geometry) -> Vec<T> {
    let (inputs, outputs, taps) = (g.input / g.params.groups, g.output / g.params.groups, g.taps());
    let mut turned = vec![T::ZERO; w.len()];
    if w.is_empty() {
        return turned;
    }
    let rows =
        turned.par_chunks_exact_mut(outputs * taps).enumerate().with_min_len(GRAIN.div_ceil(outputs * taps));
    rows.for_each(|(row, to)| {
        let (group, c) = (row / inputs, row % inputs);
        let from = w[group * outputs * inputs * taps..].chunks_exact(taps).skip(c).step_by(inputs);
        for (to, from) in to.chunks_exact_mut(taps).zip(from) {
            to.iter_mut().zip(from.iter().rev()).for_each(|(to, from)| *to = *from);
        }
    });
    turned
}

/// The gradient of the kernel for the input `x` and the gradient `grad` of the output.
///
/// Tasks own blocks of input channels; where those are few, the images and tiles are cut into a number of parts
/// that depends on the shape alone, and their sums are added in order.
pub(super) fn kernel_gradient<T: Float>(x: &[T], grad: &[T], g: &Geometry) -> Vec<T> {
    const TASKS: usize = 8;
    let (inputs, outputs, taps) = (g.input / g.params.groups, g.output / g.params.groups, g.taps());
    let (area, depth, len) = (g.out_area(), inputs * taps, g.output * inputs * taps);
    if len == 0 || grad.is_empty() {
        return vec![T::ZERO; len];
    }
    let channels = Parts::new(inputs, (ROWS / taps).max(1), 1, 1);
    let pixels = Parts::new(area, if is_direct(g) { 4 * TILE } else { TILE }, 32, 1);
    let steps = Parts::new(
        g.batch * pixels.number(),
        (g.batch * pixels.number()).div_ceil(TASKS.div_ceil(g.params.groups * channels.number())),
        1,
        1,
    );
    let mut sums = vec![T::ZERO; len * steps.number()];
    let shared = Shared::new(&mut sums);
    let tasks = g.params.groups * channels.number() * steps.number();
    (0..tasks).into_par_iter().with_max_len(1).for_each_init(Vec::new, |patch, task| {
        let (group, part) = (task / channels.number() / steps.number(), task % steps.number());
        let block = channels.part(task / steps.number() % channels.number());
        let rows = block.len() * taps;
        let start = part * len + group * outputs * depth + block.start * taps;
        for step in steps.part(part) {
            let (image, pixels) =
                (step / pixels.number() * g.params.groups + group, pixels.part(step % pixels.number()));
            let maps = &x[(image * inputs + block.start) * g.in_area()..][..block.len() * g.in_area()];
            let grad = &grad[image * outputs * area + pixels.start..(image + 1) * outputs * area];
            let lhs = Matrix { values: grad, rows: area, columns: 1 };
            let rhs = if is_direct(g) {
                Matrix { values: &maps[pixels.start..], rows: 1, columns: area }
            } else {
                patch.resize(rows * pixels.len(), T::ZERO);
                patches::gather(maps, g, &pixels, &mut patch[..rows * pixels.len()]);
                Matrix { values: &patch[..], rows: 1, columns: pixels.len() }
            };
            // SAFETY: the columns `block` of part `part` belong to this task alone.
            unsafe { product((outputs, rows, pixels.len()), (shared.at(start), depth), true, lhs, rhs) };
        }
    });
    let (first, others) = sums.split_at_mut(len);
    for part in others.chunks_exact(len) {
        first.iter_mut().zip(part).for_each(|(sum, more)| *sum += *more);
    }
    sums.truncate(len);
    sums
}

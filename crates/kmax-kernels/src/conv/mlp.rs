//! Layer norm, expansion, GELU, projection and residual, a tile of pixels at a time: the expanded map, several times as
//! large as the others, never leaves the cache.

use super::packed::{MOST_DEEP, lay_out_maps};
use super::prefetch::Prefetch;
use super::tiling::Tiling;
use crate::activation::Activation;
use crate::activation::activate;
use crate::cpu::{Float, Shared, with_buffer, written};
use crate::matrix::{Exact, Factor, Last, Panel, Product, ROWS, multiply, packed_len, width};
use crate::norm::normalize;
use rayon::prelude::*;
use std::mem::MaybeUninit;
use std::ops::Range;

/// Expanded channels held at once: whole units, and whole panels of weights.
const CHUNK: usize = 64 * ROWS;
/// Bytes of a tile's inputs, outputs and expanded channels: what a usual second-level cache holds beside the weights that
/// pass through.
const TILE: usize = 576 * 1024;

/// The constants, norm and projection with their biases.
pub(super) struct Weights<'a, T: Float, F: Factor<T>> {
    pub gain: &'a [T],
    pub shift: &'a [T],
    pub eps: T,
    /// Packed, of a matrix `[hidden, channels]`.
    pub expand: &'a [F::Unit],
    pub expand_bias: &'a [T],
    /// Packed, of a matrix `[channels, hidden]`.
    pub project: &'a [F::Unit],
    pub project_bias: &'a [T],
}

/// Sizes of the maps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Maps {
    pub batch: usize,
    pub channels: usize,
    pub hidden: usize,
    /// Pixels of one.
    pub area: usize,
}

/// `residual + project(gelu(expand(norm(x))))`, maps `[batch, channels, area]`.
pub(super) fn forward<T: Float, F: Factor<T>>(
    x: &[T],
    residual: &[T],
    weights: &Weights<T, F>,
    maps: Maps,
) -> Vec<T> {
    let Maps { batch, channels, hidden, area } = maps;
    let len = batch * channels * area;
    let fits = x.len() == len
        && residual.len() == len
        && [weights.gain, weights.shift, weights.project_bias].iter().all(|w| w.len() == channels)
        && weights.expand_bias.len() == hidden
        && weights.expand.len() == packed_len(hidden, channels.div_ceil(F::DEEP))
        && weights.project.len() == packed_len(channels, hidden.div_ceil(F::DEEP));
    assert!(fits, "weights or maps of another shape");
    if len == 0 {
        return Vec::new();
    }
    let [inputs, chunk] = [channels, hidden.min(CHUNK)].map(|depth| depth.div_ceil(F::DEEP));
    let pixels = TILE / ((channels + inputs + chunk) * size_of::<T>());
    // All channels of a pixel are one task's, as each makes all expanded channels.
    let tiling = Tiling::new(area, batch, pixels.max(width::<T>()), (1, 0), rayon::current_num_threads());
    let fill = |out: &mut [MaybeUninit<T>]| {
        let out = Shared::unwritten(out);
        let tasks = (0..batch * tiling.tiles).into_par_iter().with_max_len(1);
        tasks.for_each(|task| {
            let (image, tile) = (task / tiling.tiles, task % tiling.tiles);
            let work = Work::<T, F> {
                x,
                residual,
                weights,
                maps,
                first: image * channels * area,
                pixels: tiling.pixels(tile),
            };
            let panels = work.pixels.len().div_ceil(width::<T>());
            let (inputs, expanded) = (panels * inputs, panels * chunk);
            with_buffer((inputs + expanded) * width::<T>(), |buffer| {
                let (inputs, expanded) = buffer.split_at_mut(inputs * width::<T>());
                // SAFETY: the outputs of these pixels are this task's alone.
                unsafe { work.run(out, inputs, expanded) };
            });
        });
    };
    // SAFETY: the tiles cover all pixels of all images, with all channels.
    unsafe { written(len, fill) }
}

/// A tile of one image.
struct Work<'a, T: Float, F: Factor<T>> {
    x: &'a [T],
    residual: &'a [T],
    weights: &'a Weights<'a, T, F>,
    maps: Maps,
    /// Where the image begins.
    first: usize,
    pixels: Range<usize>,
}

impl<T: Float, F: Factor<T>> Work<'_, T, F> {
    /// # Safety
    /// `out` is the whole output, and nobody else touches these pixels of it. The buffers hold the tile's panels of pixels:
    /// `inputs` with all channels, `expanded` with [`CHUNK`] of the expanded ones or all, in units.
    unsafe fn run(&self, out: Shared<T>, inputs: &mut [F::Unit], expanded: &mut [F::Unit]) {
        let Maps { hidden, .. } = self.maps;
        let chunk = hidden.min(CHUNK).div_ceil(F::DEEP);
        self.norm(inputs);
        for from in (0..hidden).step_by(CHUNK) {
            let part = from..(from + CHUNK).min(hidden);
            // SAFETY: the caller's promises.
            unsafe {
                self.expand(&part, chunk, inputs, expanded);
                self.project(&part, chunk, expanded, out);
            }
        }
    }

    /// The normalised inputs.
    fn norm(&self, inputs: &mut [F::Unit]) {
        let (Maps { channels, area, .. }, wide) = (self.maps, width::<T>());
        let Weights { gain, shift, eps, .. } = *self.weights;
        let maps = &self.x[self.first..][..channels * area];
        let norm = |values: &mut [T]| {
            lay_out_maps::<T, Exact>(maps, area, &self.pixels, values, channels);
            values.chunks_exact_mut(channels * wide).for_each(|panel| normalize(panel, gain, shift, eps));
        };
        if let Some(values) = F::as_values(inputs) {
            return norm(values);
        }
        let panels = self.pixels.len().div_ceil(wide);
        with_buffer(panels * channels * wide, |values| {
            norm(values);
            let units = inputs.chunks_exact_mut(channels.div_ceil(F::DEEP) * wide);
            values
                .chunks_exact(channels * wide)
                .zip(units)
                .for_each(|(rows, units)| join_rows::<T, F>(rows, units));
        });
    }

    /// # Safety
    /// Those of [`Self::run`]; `part` begins at a panel of weights.
    unsafe fn expand(&self, part: &Range<usize>, chunk: usize, inputs: &[F::Unit], expanded: &mut [F::Unit]) {
        let (depth, wide) = (self.maps.channels.div_ceil(F::DEEP), width::<T>());
        // Its sums are as long as the next tile's maps are many.
        let next = if part.end == self.maps.hidden {
            self.pixels.end..(self.pixels.end + self.pixels.len()).min(self.maps.area)
        } else {
            0..0
        };
        let products = part.len().div_ceil(ROWS) * self.pixels.len().div_ceil(wide);
        let mut prefetch = Prefetch::new(&self.x[self.first..], self.maps.area, &next, products);
        for row in part.clone().step_by(ROWS) {
            let rows = ROWS.min(part.end - row);
            let mut bias = [T::ZERO; ROWS];
            bias[..rows].copy_from_slice(&self.weights.expand_bias[row..][..rows]);
            let panels = inputs.chunks_exact(depth * wide).zip(expanded.chunks_exact_mut(chunk * wide));
            for ((inputs, expanded), pixel) in panels.zip(self.pixels.clone().step_by(wide)) {
                let width = wide.min(self.pixels.end - pixel);
                let units =
                    &mut expanded[(row - part.start) / F::DEEP * wide..][..rows.div_ceil(F::DEEP) * wide];
                let mut sums = [T::ZERO; ROWS * Panel::WIDE];
                let out = F::as_values(units).unwrap_or(&mut sums[..rows * wide]);
                let product = Product {
                    depth,
                    columns: inputs.as_ptr(),
                    step: wide,
                    weights: self.weights.expand[row * depth..].as_ptr(),
                    out: out.as_mut_ptr(),
                    apart: wide,
                    rows,
                    width,
                    add: false,
                    last: Some(Last { bias, residual: None, activation: Activation::Identity }),
                    ahead: prefetch.ahead(),
                };
                // SAFETY: the panels hold all channels, `out` holds the rows.
                unsafe { multiply::<T, F>(&product) };
                if width == wide {
                    activate(Activation::Gelu, out, T::ZERO);
                } else {
                    let rows = out.chunks_exact_mut(wide);
                    rows.for_each(|row| activate(Activation::Gelu, &mut row[..width], T::ZERO));
                }
                if F::DEEP > 1 {
                    join_rows::<T, F>(&sums[..rows * wide], units);
                }
            }
        }
    }

    /// # Safety
    /// As [`Self::expand`].
    unsafe fn project(&self, part: &Range<usize>, chunk: usize, expanded: &[F::Unit], out: Shared<T>) {
        let (Maps { channels, hidden, area, .. }, wide) = (self.maps, width::<T>());
        let hidden_units = hidden.div_ceil(F::DEEP);
        for row in (0..channels).step_by(ROWS) {
            let rows = ROWS.min(channels - row);
            let mut bias = [T::ZERO; ROWS];
            bias[..rows].copy_from_slice(&self.weights.project_bias[row..][..rows]);
            for (expanded, pixel) in
                expanded.chunks_exact(chunk * wide).zip(self.pixels.clone().step_by(wide))
            {
                let at = self.first + row * area + pixel;
                let residual = Some(self.residual[at..].as_ptr());
                let product = Product {
                    depth: part.len().div_ceil(F::DEEP),
                    columns: expanded.as_ptr(),
                    step: wide,
                    weights: self.weights.project[row * hidden_units + part.start / F::DEEP * ROWS..]
                        .as_ptr(),
                    // SAFETY: within the output.
                    out: unsafe { out.at(at) },
                    apart: area,
                    rows,
                    width: wide.min(self.pixels.end - pixel),
                    add: part.start > 0,
                    last: (part.end == hidden).then_some(Last {
                        bias,
                        residual,
                        activation: Activation::Identity,
                    }),
                    ahead: None,
                };
                // SAFETY: the panels hold the part, outputs and residual the rows; both are of the caller's pixels.
                unsafe { multiply::<T, F>(&product) };
            }
        }
    }
}

/// Units of the rows of a panel.
fn join_rows<T: Float, F: Factor<T>>(rows: &[T], units: &mut [F::Unit]) {
    let wide = width::<T>();
    for (rows, units) in rows.chunks(F::DEEP * wide).zip(units.chunks_exact_mut(wide)) {
        let mut list = [[].as_slice(); MOST_DEEP];
        list.iter_mut().zip(rows.chunks_exact(wide)).for_each(|(to, row)| *to = row);
        F::join(&list[..rows.len() / wide], units);
    }
}

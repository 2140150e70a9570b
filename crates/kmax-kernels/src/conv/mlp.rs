//! Layer norm, expansion, GELU, projection and residual, a tile of pixels at a time: the expanded map, several times as
//! large as the others, never leaves the cache.

use super::packed::{lay_out_maps, rows_of};
use super::prefetch::Prefetch;
use super::tiling::Tiling;
use crate::activation::Activation;
use crate::activation::activate;
use crate::cpu::{Columns, Float, Ranges, Shared, with_buffer, written};
use crate::matrix::{Exact, Factor, Last, MOST_DEEP, Panel, Product, ROWS, multiply, width};
use crate::norm::normalize;
use rayon::prelude::*;
use std::mem::MaybeUninit;
use std::ops::Range;

/// Expanded channels held at once: whole parts of sums, and whole panels of weights.
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
    // Each chunk is a part of the projection's sums.
    const { assert!(CHUNK.is_multiple_of(F::DEEP * F::PART)) };
    let Maps { batch, channels, hidden, area } = maps;
    let len = batch * channels * area;
    let fits = x.len() == len
        && residual.len() == len
        && [weights.gain, weights.shift, weights.project_bias].iter().all(|w| w.len() == channels)
        && weights.expand_bias.len() == hidden
        && weights.expand.len() == F::packed_len(hidden, channels)
        && weights.project.len() == F::packed_len(channels, hidden);
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
        let columns = self.pixels.len().next_multiple_of(width::<T>());
        let (of_ranges, of_values) =
            if F::RANGED { (3 * columns, columns * hidden.min(CHUNK)) } else { (0, 0) };
        let chunk = hidden.min(CHUNK).div_ceil(F::DEEP);
        with_buffer(2 * of_ranges, |buffer| {
            let (of_inputs, of_expanded) = buffer.split_at_mut(of_ranges);
            let ranges = self.norm(inputs, of_inputs);
            for from in (0..hidden).step_by(CHUNK) {
                let part = from..(from + CHUNK).min(hidden);
                with_buffer(of_values, |values| {
                    // SAFETY: the caller's promises.
                    unsafe { self.expand(&part, chunk, (inputs, &ranges), expanded, values) };
                    let ranges = self.join(part.len(), values, expanded, of_expanded);
                    // SAFETY: the caller's promises.
                    unsafe { self.project(&part, chunk, (expanded, &ranges), out) };
                });
            }
        });
    }

    /// The normalised inputs, and the ranges of each panel's columns.
    fn norm<'b>(&self, inputs: &mut [F::Unit], buffer: &'b mut [f32]) -> Vec<Ranges<'b>> {
        let (Maps { channels, area, .. }, wide) = (self.maps, width::<T>());
        let Weights { gain, shift, eps, .. } = *self.weights;
        let maps = &self.x[self.first..][..channels * area];
        let norm = |values: &mut [T]| {
            let ranges = &mut Ranges::of_nothing(&mut []);
            lay_out_maps::<T, Exact, T>(maps, area, &self.pixels, ranges, values, channels);
            values.chunks_exact_mut(channels * wide).for_each(|panel| normalize(panel, gain, shift, eps));
        };
        if let Some(values) = F::as_values(inputs) {
            norm(values);
            return Vec::new();
        }
        let panels = self.pixels.len().div_ceil(wide);
        with_buffer(panels * channels * wide, |values| {
            norm(values);
            join_panels::<T, F>(values, (channels, channels), inputs, channels.div_ceil(F::DEEP), buffer)
        })
    }

    /// The first `channels` of each panel's expanded values, where they were not joined as they were made.
    fn join<'b>(
        &self,
        channels: usize,
        values: &[T],
        expanded: &mut [F::Unit],
        buffer: &'b mut [f32],
    ) -> Vec<Ranges<'b>> {
        if !F::RANGED {
            return Vec::new();
        }
        let chunk = self.maps.hidden.min(CHUNK);
        let values = &values[..self.pixels.len().div_ceil(width::<T>()) * chunk * width::<T>()];
        join_panels::<T, F>(values, (chunk, channels), expanded, chunk.div_ceil(F::DEEP), buffer)
    }

    /// # Safety
    /// Those of [`Self::run`]; `part` begins at a panel of weights.
    unsafe fn expand(
        &self,
        part: &Range<usize>,
        chunk: usize,
        (inputs, ranges): (&[F::Unit], &[Ranges]),
        expanded: &mut [F::Unit],
        values: &mut [T],
    ) {
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
            let shape = (self.maps.hidden, self.maps.channels);
            let scales = F::rows(self.weights.expand, shape, row, &(0..depth));
            let panels = inputs.chunks_exact(depth * wide).zip(expanded.chunks_exact_mut(chunk * wide));
            for (i, ((inputs, expanded), pixel)) in panels.zip(self.pixels.clone().step_by(wide)).enumerate()
            {
                let width = wide.min(self.pixels.end - pixel);
                let units =
                    &mut expanded[(row - part.start) / F::DEEP * wide..][..rows.div_ceil(F::DEEP) * wide];
                let mut sums = [T::ZERO; ROWS * Panel::WIDE];
                let out = if F::RANGED {
                    let first = i * self.maps.hidden.min(CHUNK) + row - part.start;
                    &mut values[first * wide..][..rows * wide]
                } else {
                    F::as_values(units).unwrap_or(&mut sums[..rows * wide])
                };
                let range = F::range(scales, columns(ranges, i));
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
                    range,
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
                if F::DEEP > 1 && !F::RANGED {
                    join_rows::<T, F>(&sums[..rows * wide], Columns::default(), units);
                }
            }
        }
    }

    /// # Safety
    /// As [`Self::expand`].
    unsafe fn project(
        &self,
        part: &Range<usize>,
        chunk: usize,
        (expanded, ranges): (&[F::Unit], &[Ranges]),
        out: Shared<T>,
    ) {
        let (Maps { channels, hidden, area, .. }, wide) = (self.maps, width::<T>());
        let hidden_units = hidden.div_ceil(F::DEEP);
        for row in (0..channels).step_by(ROWS) {
            let rows = ROWS.min(channels - row);
            let mut bias = [T::ZERO; ROWS];
            bias[..rows].copy_from_slice(&self.weights.project_bias[row..][..rows]);
            let units = part.start / F::DEEP..part.end.div_ceil(F::DEEP);
            let scales = F::rows(self.weights.project, (channels, hidden), row, &units);
            let panels = expanded.chunks_exact(chunk * wide).zip(self.pixels.clone().step_by(wide));
            for (i, (expanded, pixel)) in panels.enumerate() {
                let range = F::range(scales, columns(ranges, i));
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
                    range,
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

/// The ranges of a panel's columns, where there are any.
fn columns<'a>(ranges: &'a [Ranges], panel: usize) -> Columns<'a> {
    ranges.get(panel).map_or_else(Columns::default, |ranges| ranges.columns(0))
}

/// Units of panels of values, the first `rows.1` of `rows.0` rows each, in panels of `depth` units, and the ranges of their columns.
fn join_panels<'b, T: Float, F: Factor<T>>(
    values: &[T],
    rows: (usize, usize),
    units: &mut [F::Unit],
    depth: usize,
    buffer: &'b mut [f32],
) -> Vec<Ranges<'b>> {
    let wide = width::<T>();
    let mut buffers = buffer.chunks_exact_mut(3 * wide);
    let panels = values.chunks_exact(rows.0 * wide).zip(units.chunks_exact_mut(depth * wide));
    let join = |(values, units): (&[T], &mut [F::Unit])| {
        let values = &values[..rows.1 * wide];
        let mut ranges = buffers.next().map(Ranges::of_nothing);
        if let Some(ranges) = &mut ranges {
            for rows in values.chunks(MOST_DEEP * wide) {
                let (rows, count) = rows_of(rows, wide, &(0..wide));
                F::take(ranges, &rows[..count]);
            }
            ranges.end();
        }
        let columns = ranges.as_ref().map_or_else(Columns::default, |ranges| ranges.columns(0));
        join_rows::<T, F>(values, columns, units);
        ranges
    };
    panels.filter_map(join).collect()
}

/// Units of the rows of a panel.
fn join_rows<T: Float, F: Factor<T>>(rows: &[T], columns: Columns, units: &mut [F::Unit]) {
    let wide = width::<T>();
    for (rows, units) in rows.chunks(F::DEEP * wide).zip(units.chunks_exact_mut(wide)) {
        let (rows, count) = rows_of(rows, wide, &(0..wide));
        F::join(&rows[..count], columns, units);
    }
}

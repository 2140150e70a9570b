//! Dense convolution for inference: weights laid out once, patches laid out a tile at a time in the cache.

use super::epilogue::EpilogueValues;
use super::geometry::Geometry;
use super::laid::Laid;
use super::prefetch::{Prefetch, line};
use super::tiling::Tiling;
use super::{dense::is_direct, patches};
use crate::activation::Activation;
use crate::activation::activate;
use crate::cpu::{Columns, Float, Ranges, Shared, Stored, with_buffer, written};
use crate::matrix::{Factor, MOST_DEEP, Product, ROWS, multiply, prefetch, width};
use rayon::prelude::*;
use std::mem::MaybeUninit;
use std::ops::Range;

/// Longest sums made in one go, in units.
const DEPTH: usize = 1024;
/// Bytes of a tile's patches, unless one panel needs more: less than half of a usual second-level cache.
const TILE: usize = 256 * 1024;
/// Elements that are asked for ahead of their use: what memory sends while they wait.
const AHEAD: usize = 4096;
/// Outputs of a tile at most.
const PIXELS: usize = 512;

/// The output of the input `x` and the packed kernel `weights`, of one group.
pub(super) fn forward<T: Float, F: Factor<T>, I: Laid<T, F>, O: Stored<T>>(
    x: &[I],
    weights: &[F::Unit],
    g: &Geometry,
    epilogue: &EpilogueValues<T, O>,
) -> Vec<O> {
    let (area, depth) = (g.out_area(), (g.input * g.taps()).div_ceil(F::DEEP));
    if g.batch * g.output * area == 0 {
        return Vec::new();
    }
    let packed = F::packed_len(g.output, g.input * g.taps());
    assert_eq!(weights.len(), packed, "a packed kernel of another shape");
    let wide = width::<T>();
    let rows = g.output.div_ceil(ROWS);
    // Equal parts of the sums.
    let part = depth.div_ceil(depth.div_ceil(DEPTH).max(1)).max(1);
    let part = part.next_multiple_of(F::PART).min(depth.max(1));
    let most = (TILE / (part * size_of::<T>())).clamp(wide, PIXELS);
    // Laying out a panel of patches takes about as long as multiplying it with one of weights.
    let tiling = Tiling::new(area, g.batch, most, (rows, 1), rayon::current_num_threads());
    let share = rows.div_ceil(tiling.shares);
    let fill = |out: &mut [MaybeUninit<O>]| {
        let out = Shared::unwritten(out);
        let tasks = (0..g.batch * tiling.tiles * tiling.shares).into_par_iter().with_max_len(1);
        tasks.for_each(|task| {
            let (tile, image) = (task / tiling.shares % tiling.tiles, task / tiling.shares / tiling.tiles);
            let first = task % tiling.shares * share;
            let work = Work::<T, F, I, O> {
                maps: &x[image * g.input * g.in_area()..][..g.input * g.in_area()],
                weights,
                g,
                epilogue,
                start: image * g.output * area,
                rows: first.min(rows)..(first + share).min(rows),
                pixels: tiling.pixels(tile),
                part,
            };
            let panels = work.pixels.len().div_ceil(wide);
            with_buffer(panels * part * wide, |patches| {
                // SAFETY: the outputs of these pixels and rows are this task's alone.
                with_buffer(work.scratch(), |scratch| unsafe { work.run(out, patches, scratch) });
            });
        });
    };
    // SAFETY: the tasks cover all images, pixels and rows; each output is written before it is read.
    unsafe { written(g.batch * g.output * area, fill) }
}

/// Some output channels of some pixels of one image.
struct Work<'a, T: Float, F: Factor<T>, I, O> {
    maps: &'a [I],
    weights: &'a [F::Unit],
    g: &'a Geometry,
    epilogue: &'a EpilogueValues<'a, T, O>,
    /// Where the image's output begins.
    start: usize,
    /// Panels of weights.
    rows: Range<usize>,
    pixels: Range<usize>,
    /// Longest sums made in one go, in units.
    part: usize,
}

/// Where the sums of a panel of weights stand, and what is added to them.
struct Place<T> {
    sums: *mut T,
    residual: Option<*const T>,
    /// Distance of two rows of both.
    apart: usize,
}

impl<T: Float, F: Factor<T>, I: Laid<T, F>, O: Stored<T>> Work<'_, T, F, I, O> {
    /// Length of the sums, in units.
    fn depth(&self) -> usize {
        (self.g.input * self.g.taps()).div_ceil(F::DEEP)
    }

    /// Elements of scratch, where outputs are rounded: the residuals of a panel of weights, and sums of as many panels as wait for
    /// further parts.
    fn scratch(&self) -> usize {
        if O::EXACT {
            return 0;
        }
        let waiting = if self.depth() > self.part { self.rows.len() } else { 1 };
        (1 + waiting) * ROWS * self.pixels.len()
    }

    /// # Safety
    /// `out` is the whole output, and nobody else touches the outputs of this work.
    unsafe fn run(&self, out: Shared<O>, patches: &mut [F::Unit], scratch: &mut [T]) {
        let depth = self.depth();
        with_buffer(if F::RANGED { 3 * self.pixels.len() } else { 0 }, |buffer| {
            // Without inputs there is still a bias.
            for from in (0..depth.max(1)).step_by(self.part) {
                let part = from..(from + self.part).min(depth);
                let ranges = self.lay_out(&part, patches, buffer);
                // SAFETY: the caller's promise.
                unsafe { self.multiply(&part, patches, &ranges, out, scratch) };
            }
        });
    }

    /// Adds the products of a part of the sums.
    ///
    /// # Safety
    /// Those of [`Self::run`].
    unsafe fn multiply(
        &self,
        part: &Range<usize>,
        patches: &[F::Unit],
        ranges: &Ranges,
        out: Shared<O>,
        scratch: &mut [T],
    ) {
        let (g, wide, depth) = (self.g, width::<T>(), self.depth());
        let mut prefetch = self.prefetch(part);
        for panel in self.rows.clone() {
            let first = panel * ROWS;
            let channels = first..(first + ROWS).min(g.output);
            // SAFETY: the caller's promise.
            let place = unsafe { self.place(panel, part.end == depth, out, scratch) };
            let rows = F::rows(self.weights, (g.output, g.input * g.taps()), first, part);
            for (i, pixel) in self.pixels.clone().step_by(wide).enumerate() {
                let columns = if F::RANGED { ranges.columns(i * wide) } else { Columns::default() };
                let product = Product {
                    depth: part.len(),
                    columns: patches[i * self.part * wide..].as_ptr(),
                    step: wide,
                    weights: self.weights[(panel * depth + part.start) * ROWS..].as_ptr(),
                    out: place.sums.wrapping_add(i * wide),
                    apart: place.apart,
                    rows: channels.len(),
                    width: wide.min(self.pixels.end - pixel),
                    add: part.start > 0,
                    range: F::range(rows, columns),
                    last: (part.end == depth).then(|| {
                        let residual = place.residual.map(|place| place.wrapping_add(i * wide));
                        self.epilogue.last(&channels, residual)
                    }),
                    ahead: prefetch.ahead(),
                };
                // SAFETY: the panels hold `depth` rows, the outputs are this task's alone (caller's promise).
                unsafe { multiply::<T, F>(&product) };
            }
            if part.end == depth {
                // SAFETY: all sums are written, and the caller's promise.
                unsafe { self.end(channels, &place, out) };
            }
        }
    }

    /// Where the first output of some channel stands.
    fn offset(&self, channel: usize) -> usize {
        self.start + channel * self.g.out_area() + self.pixels.start
    }

    /// The place of a panel's sums, which `last` says are complete after this part: the output itself, or scratch where it is rounded.
    ///
    /// # Safety
    /// Those of [`Self::run`].
    unsafe fn place(&self, panel: usize, last: bool, out: Shared<O>, scratch: &mut [T]) -> Place<T> {
        let (pixels, first) = (self.pixels.len(), panel * ROWS);
        let residual = self.epilogue.residual.filter(|_| last);
        if let Some(out) = O::exact_output(out) {
            let start = self.offset(first);
            let residual = residual.and_then(|values| Some(O::exact(&values[start..])?.as_ptr()));
            // SAFETY: within the output.
            return Place { sums: unsafe { out.at(start) }, residual, apart: self.g.out_area() };
        }
        if last {
            self.ask(first, out);
        }
        let (residuals, sums) = scratch.split_at_mut(ROWS * pixels);
        let waiting = if self.depth() > self.part { panel - self.rows.start } else { 0 };
        let sums = sums[waiting * ROWS * pixels..][..ROWS * pixels].as_mut_ptr();
        let residual = residual.map(|values| {
            let rows = residuals.chunks_exact_mut(pixels.max(1)).zip(first..self.g.output);
            rows.for_each(|(to, channel)| O::widen(&values[self.offset(channel)..][..pixels], to));
            residuals.as_ptr()
        });
        Place { sums, residual, apart: pixels }
    }

    /// Asks for what rounding writes behind the products of a panel, and for the residuals of the next one: the kernel sees scratch alone.
    fn ask(&self, first: usize, out: Shared<O>) {
        let lines = |place: *const O| {
            (0..self.pixels.len()).step_by(line::<O>()).for_each(|at| prefetch(place.wrapping_add(at)));
        };
        for channel in first..(first + ROWS).min(self.g.output) {
            lines(out.place(self.offset(channel)));
            if let Some(residual) = self.epilogue.residual {
                lines(residual.as_ptr().wrapping_add(self.offset(channel + ROWS)));
            }
        }
    }

    /// What follows a panel's complete sums: GELU, and rounding.
    ///
    /// # Safety
    /// Those of [`Self::run`], and the sums of these channels at `place` are written.
    unsafe fn end(&self, channels: Range<usize>, place: &Place<T>, out: Shared<O>) {
        let pixels = self.pixels.len();
        for (i, channel) in channels.enumerate() {
            // SAFETY: sums of this task, all written (caller's promise).
            let row = unsafe { std::slice::from_raw_parts_mut(place.sums.add(i * place.apart), pixels) };
            if self.epilogue.activation == Activation::Gelu {
                activate(Activation::Gelu, row, T::ZERO);
            }
            if !O::EXACT {
                // SAFETY: outputs of this task (caller's promise).
                O::narrow(row, unsafe { out.unwritten_slice(self.offset(channel), pixels) });
            }
        }
    }

    /// What is read after the rows `part` of the patch matrix: more of them, or the next tile's.
    fn prefetch(&self, part: &Range<usize>) -> Prefetch<T> {
        let (area, depth) = (self.g.in_area(), self.depth());
        let products = self.rows.len() * self.pixels.len().div_ceil(width::<T>());
        let (maps, pixels) = if part.end < depth {
            (part.end * F::DEEP, self.pixels.clone())
        } else {
            (0, self.pixels.end..(self.pixels.end + self.pixels.len()).min(area))
        };
        if is_direct(self.g) {
            Prefetch::new(&self.maps[maps * area..], area, &pixels, products)
        } else {
            Prefetch::new::<I>(&[], 0, &(0..0), products)
        }
    }

    /// The rows `part` of the patch matrix, in panels of units, and the ranges of their columns.
    fn lay_out<'b>(&self, part: &Range<usize>, patches: &mut [F::Unit], buffer: &'b mut [f32]) -> Ranges<'b> {
        let (g, step) = (self.g, self.part * width::<T>());
        let depths = part.start * F::DEEP..(part.end * F::DEEP).min(g.input * g.taps());
        let mut ranges = Ranges::of_nothing(buffer);
        if is_direct(g) {
            let maps = &self.maps[depths.start * g.in_area()..depths.end * g.in_area()];
            lay_out_maps::<T, F, I>(maps, g.in_area(), &self.pixels, &mut ranges, patches, self.part);
            return ranges;
        }
        let mut rows = [[I::default(); PIXELS]; MOST_DEEP];
        let gather = |k: usize, row: &mut [I; PIXELS]| {
            let map = &self.maps[k / g.taps() * g.in_area()..][..g.in_area()];
            patches::gather_row(map, g, k % g.taps(), &self.pixels, &mut row[..self.pixels.len()]);
        };
        if F::RANGED {
            for first in depths.clone().step_by(MOST_DEEP) {
                let some = first..depths.end.min(first + MOST_DEEP);
                some.clone().zip(&mut rows).for_each(|(k, row)| gather(k, row));
                let rows = rows.each_ref().map(|row| &row[..self.pixels.len()]);
                I::take(&mut ranges, &rows[..some.len()]);
            }
            ranges.end();
        }
        for (unit, first) in depths.clone().step_by(F::DEEP).enumerate() {
            let four = first..depths.end.min(first + F::DEEP);
            four.clone().zip(&mut rows).for_each(|(k, row)| gather(k, row));
            let rows = rows.each_ref().map(|row| &row[..self.pixels.len()]);
            I::spread(&rows[..four.len()], ranges.columns(0), &mut patches[unit * width::<T>()..], step);
        }
        ranges
    }
}

/// The `pixels` of maps of so many pixels in panels of `depth` rows of units, and the ranges of their columns.
pub(super) fn lay_out_maps<T: Float, F: Factor<T>, I: Laid<T, F>>(
    maps: &[I],
    area: usize,
    pixels: &Range<usize>,
    ranges: &mut Ranges,
    panels: &mut [F::Unit],
    depth: usize,
) {
    let (wide, ahead) = (width::<T>(), (AHEAD / pixels.len().max(1)).clamp(8, 64) * area);
    // Too short runs for the machine's own prefetch.
    let ask = |row: &[I]| {
        let later = row.as_ptr().wrapping_add(ahead);
        (0..row.len()).step_by(line::<I>()).for_each(|pixel| prefetch(later.wrapping_add(pixel)));
    };
    if F::RANGED {
        for maps in maps.chunks(area.max(1) * MOST_DEEP) {
            let (rows, count) = rows_of(maps, area, pixels);
            rows[..count].iter().for_each(|row| ask(row));
            I::take(ranges, &rows[..count]);
        }
        ranges.end();
    }
    for (unit, maps) in maps.chunks(area.max(1) * F::DEEP).enumerate() {
        let (rows, count) = rows_of(maps, area, pixels);
        if !F::RANGED {
            rows[..count].iter().for_each(|row| ask(row));
        }
        I::spread(&rows[..count], ranges.columns(0), &mut panels[unit * wide..], depth * wide);
    }
}

/// The `pixels` of at most [`MOST_DEEP`] maps, and how many there are.
pub(super) fn rows_of<'a, T>(
    maps: &'a [T],
    area: usize,
    pixels: &Range<usize>,
) -> ([&'a [T]; MOST_DEEP], usize) {
    let mut rows = [[].as_slice(); MOST_DEEP];
    let maps = maps.chunks_exact(area.max(1));
    let count = maps.len();
    rows.iter_mut().zip(maps).for_each(|(row, map)| *row = &map[pixels.clone()]);
    (rows, count)
}

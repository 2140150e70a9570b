//! 3x3 convolution by Winograd's F(4x4, 3x3): 36 products for 16 outputs instead of 144 (arXiv 1509.09308).
//!
//! The interpolation points 0, ±3/4, ±3/2 and infinity are exact in binary and keep the rounding at about three times
//! that of the direct form; the usual 0, ±1, ±2 have eight times.

use super::epilogue::EpilogueValues;
use super::geometry::Geometry;
use super::halved::PointKernel;
use super::params::ConvParams;
use super::winograd_tiles::{Output, Patch, from_points, spread, to_points};
use crate::cpu::{Float, Shared, Stored, with_buffer, written};
use crate::matrix::{Exact, Product, ROWS, multiply, packed_len, width};
use rayon::prelude::*;
use std::mem::MaybeUninit;
use std::ops::Range;

/// Outputs of a tile along one axis.
pub(super) const TILE: usize = 4;
/// Inputs of a tile along one axis.
pub(super) const SPAN: usize = TILE + 2;
/// Elements of a transformed tile.
pub(super) const POINTS: usize = SPAN * SPAN;
/// Tiles of a chunk.
pub(super) const CHUNK: usize = 64;

/// The points.
pub(super) const A: f64 = 0.75;
pub(super) const B: f64 = 1.5;

/// Whether a convolution of one group with that kernel can be done so and gains by it.
pub(super) fn pays(kernel: &[usize], params: ConvParams) -> bool {
    (params.stride, params.padding, params.dilation) == (1, (1, 1), 1)
        && matches!(kernel, [o, c, 3, 3] if *o >= 32 && *c >= 32)
}

/// The kernel `[outputs, inputs, 3, 3]` at the points: `[36, outputs, inputs]`.
pub(super) fn kernel<T: Float>(w: &[T], outputs: usize, inputs: usize) -> Vec<T> {
    let (near, far) = (2.0 * A * A * (A * A - B * B), 2.0 * B * B * (B * B - A * A));
    let rows: [[f64; 3]; SPAN] = [
        [1.0 / (A * A * B * B), 0.0, 0.0],
        [1.0 / near, A / near, A * A / near],
        [1.0 / near, -A / near, A * A / near],
        [1.0 / far, B / far, B * B / far],
        [1.0 / far, -B / far, B * B / far],
        [0.0, 0.0, 1.0],
    ];
    let mut values = vec![T::ZERO; POINTS * outputs * inputs];
    for (pair, w) in w.chunks_exact(9).enumerate() {
        for (i, row) in rows.iter().enumerate() {
            let half: [f64; 3] = std::array::from_fn(|x| (0..3).map(|y| row[y] * w[3 * y + x].wide()).sum());
            for (j, column) in rows.iter().enumerate() {
                let value = (0..3).map(|x| column[x] * half[x]).sum();
                values[(i * SPAN + j) * outputs * inputs + pair] = T::of(value);
            }
        }
    }
    values
}

/// The output of the input `x` and a kernel at the points, packed point by point.
pub(super) fn forward<T: Float, I: Stored<T>, O: Stored<T>, W: PointKernel<T>>(
    x: &[I],
    w: W,
    g: &Geometry,
    epilogue: &EpilogueValues<T, O>,
) -> Vec<O> {
    let area = g.out_area();
    if area * g.batch == 0 {
        return Vec::new();
    }
    let columns = g.out.1.div_ceil(TILE);
    let tiles = g.out.0.div_ceil(TILE) * columns;
    let chunks = tiles.div_ceil(CHUNK);
    // Equal chunks; where they are few, the threads share out the work inside one.
    let size = tiles.div_ceil(chunks);
    let many = g.batch * chunks >= 2 * rayon::current_num_threads();
    let (inputs, outputs) = (spaced(g.input), spaced(g.output.next_multiple_of(ROWS)));
    let fill = |out: &mut [MaybeUninit<O>]| {
        let out = Shared::unwritten(out);
        each(many, g.batch * chunks, |task| {
            let (image, chunk) = (task / chunks, task % chunks);
            let tiles = chunk * size..tiles.min((chunk + 1) * size);
            let runs = || runs(tiles.clone(), columns);
            let maps = &x[image * g.input * g.in_area()..][..g.input * g.in_area()];
            with_buffer(POINTS * CHUNK * (inputs + outputs), |scratch: &mut [T]| {
                let (points, sums) = scratch.split_at_mut(POINTS * CHUNK * inputs);
                let shared = Shared::new(points);
                each(!many, g.input, |channel| {
                    let patch = take(&maps[channel * g.in_area()..][..g.in_area()], g, runs());
                    // SAFETY: the rows of this channel are this task's alone and lie within the buffer.
                    let row = |point| unsafe { shared.slice((point * inputs + channel) * CHUNK, CHUNK) };
                    to_points(&patch, &mut std::array::from_fn(row));
                });
                let shared = Shared::new(sums);
                each(!many, POINTS, |point| {
                    let each = packed_len(g.output, g.input);
                    let rows = point * each..(point + 1) * each;
                    let points = &points[point * inputs * CHUNK..][..g.input * CHUNK];
                    // SAFETY: the sums of this point are this task's alone and lie within the buffer.
                    unsafe {
                        multiply_all(
                            points,
                            w,
                            rows,
                            tiles.len(),
                            g.input,
                            shared.at(point * outputs * CHUNK),
                        )
                    };
                });
                let (chunks, _) = sums.as_chunks::<CHUNK>();
                each(!many, g.output, |channel| {
                    let mut output: Output<T> = [[T::ZERO; CHUNK * TILE]; TILE];
                    let row = |point| &chunks[point * outputs + channel];
                    from_points(std::array::from_fn(row), &mut output);
                    let first = (image * g.output + channel) * area;
                    for (y, row) in output.iter_mut().enumerate() {
                        // Without a residual all is done before the rows are cut into pieces.
                        if epilogue.residual.is_none() {
                            epilogue.apply(row, channel, first);
                        }
                        for (at, tile_row, columns) in runs().filter(|run| run.1 * TILE + y < g.out.0) {
                            let from = columns.start * TILE;
                            let width = (columns.end * TILE).min(g.out.1) - from;
                            let start = first + (tile_row * TILE + y) * g.out.1 + from;
                            let row = &mut row[at * TILE..][..width];
                            if epilogue.residual.is_some() {
                                epilogue.apply(row, channel, start);
                            }
                            // SAFETY: the outputs of these tiles are this task's alone and lie within the buffer.
                            O::narrow(row, unsafe { out.unwritten_slice(start, width) });
                        }
                    }
                });
            });
        });
    };
    // SAFETY: the tiles cover the output, and each is written in full before it is read.
    unsafe { written(g.batch * g.output * area, fill) }
}

/// Distance of two points in rows of chunks, of which `rows` are used: one more than a multiple of sixteen, so that the same row
/// of all points fits into the first-level cache, whose sets repeat every sixteen rows.
fn spaced(rows: usize) -> usize {
    rows.next_multiple_of(16) + 1
}

/// The sums of one point: the packed weights `rows` of `w` times `points` `[inputs, CHUNK]`, of which the first `tiles` columns count.
///
/// # Safety
/// `sums` is valid for writes of `CHUNK` values for each row of `w`, and nobody else touches them meanwhile.
unsafe fn multiply_all<T: Float, W: PointKernel<T>>(
    points: &[T],
    w: W,
    rows: Range<usize>,
    tiles: usize,
    inputs: usize,
    sums: *mut T,
) {
    let (wide, each) = (width::<T>(), ROWS * inputs);
    with_buffer(W::buffer(each), |buffer| {
        for (panel, from) in rows.step_by(each.max(1)).enumerate() {
            let weights = w.values(from..from + each, buffer);
            for at in (0..tiles).step_by(wide) {
                let product = Product {
                    depth: inputs,
                    columns: points[at..].as_ptr(),
                    step: CHUNK,
                    weights: weights.as_ptr(),
                    // SAFETY: within the sums.
                    out: unsafe { sums.add(panel * ROWS * CHUNK + at) },
                    apart: CHUNK,
                    rows: ROWS,
                    width: wide.min(tiles - at),
                    add: false,
                    range: None,
                    last: None,
                    ahead: None,
                };
                // SAFETY: rows of points and sums are whole panels wide; the sums by the caller's promise.
                unsafe { multiply::<T, Exact>(&product) };
            }
        }
    });
}

/// `f` of every number below `count`, on all threads or in order.
fn each(parallel: bool, count: usize, f: impl Fn(usize) + Sync + Send) {
    if parallel { (0..count).into_par_iter().for_each(f) } else { (0..count).for_each(f) }
}

/// The tiles of a range that stand in one row: where they begin in the range, the row, the columns.
fn runs(tiles: Range<usize>, columns: usize) -> impl Iterator<Item = (usize, usize, Range<usize>)> + Clone {
    let mut next = tiles.start;
    std::iter::from_fn(move || {
        let (here, row, column) = (next, next / columns, next % columns);
        let count = (columns - column).min(tiles.end.saturating_sub(here));
        next += count;
        (count > 0).then(|| (here - tiles.start, row, column..column + count))
    })
}

/// The inputs of a chunk of tiles, padded with zeros.
fn take<T: Float, I: Stored<T>>(
    map: &[I],
    g: &Geometry,
    runs: impl Iterator<Item = (usize, usize, Range<usize>)> + Clone,
) -> Patch<T> {
    let (height, width) = g.size;
    let mut patch = [[[T::ZERO; CHUNK]; SPAN]; SPAN];
    let mut row = [T::ZERO; CHUNK * TILE];
    for (i, patch) in patch.iter_mut().enumerate() {
        // The row of the map with one zero to its left, and zeros to its right.
        let line = |tile_row: usize| {
            let y = (tile_row * TILE + i).checked_sub(1).filter(|y| *y < height)?;
            Some(&map[y * width..][..width])
        };
        for (at, tile_row, columns) in runs.clone() {
            let to = &mut row[at * TILE..][..columns.len() * TILE];
            let Some(line) = line(tile_row) else {
                to.fill(T::ZERO);
                continue;
            };
            let skip = usize::from(columns.start == 0);
            let from = &line[(columns.start * TILE + skip - 1).min(width)..];
            let count = from.len().min(to.len() - skip);
            to[..skip].fill(T::ZERO);
            I::widen(&from[..count], &mut to[skip..][..count]);
            to[skip + count..].fill(T::ZERO);
        }
        spread(&row, patch);
        // The last two inputs of a tile are the first two of its neighbour, which is missing at the end of a run.
        for (at, tile_row, columns) in runs.clone() {
            let last = at + columns.len() - 1;
            for (k, column) in [TILE, TILE + 1].into_iter().enumerate() {
                let x = columns.end * TILE + k - 1;
                let value = line(tile_row).and_then(|line| line.get(x));
                patch[column][last] = value.map_or(T::ZERO, |value| value.wide());
            }
        }
    }
    patch
}

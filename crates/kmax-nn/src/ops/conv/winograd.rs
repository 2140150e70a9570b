//! 3x3 convolution by Winograd's F(4x4, 3x3): 36 products for 16 outputs instead of 144 (arXiv 1509.09308).
//!
//! The interpolation points 0, ±3/4, ±3/2 and infinity are exact in binary and keep the rounding at about three times
//! that of the direct form; the usual 0, ±1, ±2 have eight times.

use super::epilogue::Epilogue;
use super::geometry::Geometry;
use crate::ops::buffer::with_buffer;
use crate::ops::matrix::{Product, ROWS, multiply, packed_len, width};
use crate::ops::real::{Real, Shared, written};
use crate::ops::simd::{Isa, simd_fn};
use rayon::prelude::*;
use std::ops::Range;

/// Outputs of a tile along one axis.
const TILE: usize = 4;
/// Inputs of a tile along one axis.
const SPAN: usize = TILE + 2;
/// Elements of a transformed tile.
pub(super) const POINTS: usize = SPAN * SPAN;
/// Tiles of a chunk.
const CHUNK: usize = 64;

/// The points.
const A: f64 = 0.75;
const B: f64 = 1.5;

/// Whether a convolution of one group with that kernel can be done so and gains by it.
pub(super) fn pays(kernel: &[usize], stride: usize, padding: (usize, usize), dilation: usize) -> bool {
    (stride, padding, dilation) == (1, (1, 1), 1) && matches!(kernel, [o, c, 3, 3] if *o >= 32 && *c >= 32)
}

/// The kernel `[outputs, inputs, 3, 3]` at the points: `[36, outputs, inputs]`.
pub(super) fn kernel<T: Real>(w: &[T], outputs: usize, inputs: usize) -> Vec<T> {
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
pub(super) fn forward<T: Real>(x: &[T], w: &[T], g: &Geometry, epilogue: &Epilogue<T>) -> Vec<T> {
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
    // Rows of sums in whole panels.
    let rows = g.output.next_multiple_of(ROWS);
    let fill = |out: &mut [T]| {
        let out = Shared::new(out);
        each(many, g.batch * chunks, |task| {
            let (image, chunk) = (task / chunks, task % chunks);
            let tiles = chunk * size..tiles.min((chunk + 1) * size);
            let runs = || runs(tiles.clone(), columns);
            let maps = &x[image * g.input * g.in_area()..][..g.input * g.in_area()];
            with_buffer(POINTS * CHUNK * (g.input + rows), |scratch: &mut [T]| {
                let (points, sums) = scratch.split_at_mut(POINTS * CHUNK * g.input);
                let shared = Shared::new(points);
                each(!many, g.input, |channel| {
                    let map = &maps[channel * g.in_area()..][..g.in_area()];
                    let rows = &mut Rows::default();
                    for (at, row, columns) in runs() {
                        take(map, g, (row, &columns), rows);
                        let place = |point: usize| (point * g.input + channel) * CHUNK + at;
                        // SAFETY: the rows of this channel are this task's alone and lie within the buffer.
                        let to = |point: usize| unsafe { shared.slice(place(point), columns.len()) };
                        for i in 0..SPAN {
                            to_points(rows, i, std::array::from_fn(|j| to(i * SPAN + j)));
                        }
                    }
                });
                let shared = Shared::new(sums);
                each(!many, POINTS, |point| {
                    let w = &w[point * packed_len(g.output, g.input)..][..packed_len(g.output, g.input)];
                    let points = &points[point * g.input * CHUNK..][..g.input * CHUNK];
                    // SAFETY: the sums of this point are this task's alone and lie within the buffer.
                    unsafe { multiply_all(points, w, tiles.len(), g.input, shared.at(point * rows * CHUNK)) };
                });
                each(!many, g.output, |channel| {
                    let scratch = &mut Rows::default();
                    for (at, row, columns) in runs() {
                        let of =
                            |point: usize| &sums[(point * rows + channel) * CHUNK + at..][..columns.len()];
                        for i in 0..SPAN {
                            from_points(std::array::from_fn(|j| of(i * SPAN + j)), i, scratch);
                        }
                        let from = columns.start * TILE;
                        let width = (columns.end * TILE).min(g.out.1) - from;
                        for y in 0..TILE.min(g.out.0 - row * TILE) {
                            let start =
                                (image * g.output + channel) * area + (row * TILE + y) * g.out.1 + from;
                            // SAFETY: the outputs of these tiles are this task's alone and lie within the buffer.
                            let out = unsafe { out.slice(start, width) };
                            put(scratch, y, out);
                            epilogue.finish(out, channel, start);
                        }
                    }
                });
            });
        });
    };
    // SAFETY: the tiles cover the output, and each is written in full before it is read.
    unsafe { written(g.batch * g.output * area, fill) }
}

/// The sums of one point: packed weights `w` times `points` `[inputs, CHUNK]`, of which the first `tiles` columns count.
///
/// # Safety
/// `sums` is valid for writes of `CHUNK` values for each row of `w`, and nobody else touches them meanwhile.
unsafe fn multiply_all<T: Real>(points: &[T], w: &[T], tiles: usize, inputs: usize, sums: *mut T) {
    let wide = width::<T>();
    for (panel, weights) in w.chunks_exact(ROWS * inputs).enumerate() {
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
                last: None,
            };
            // SAFETY: rows of points and sums are whole panels wide; the sums by the caller's promise.
            unsafe { multiply(&product) };
        }
    }
}

/// `f` of every number below `count`, on all threads or in order.
fn each(parallel: bool, count: usize, f: impl Fn(usize) + Sync + Send) {
    match parallel {
        true => (0..count).into_par_iter().for_each(f),
        false => (0..count).for_each(f),
    }
}

/// The tiles of a range that stand in one row: where they begin in the range, the row, the columns.
fn runs(tiles: Range<usize>, columns: usize) -> impl Iterator<Item = (usize, usize, Range<usize>)> {
    let mut next = tiles.start;
    std::iter::from_fn(move || {
        let (here, row, column) = (next, next / columns, next % columns);
        let count = (columns - column).min(tiles.end.saturating_sub(here));
        next += count;
        (count > 0).then(|| (here - tiles.start, row, column..column + count))
    })
}

/// Scratch of a row of tiles.
#[derive(Default)]
struct Rows<T> {
    /// Six input rows, or the four output columns of six rows of points.
    values: Vec<T>,
    /// Elements of one of them.
    len: usize,
    /// The columns of a row by their remainder.
    phases: [Vec<T>; TILE],
    /// One combined row.
    row: Vec<T>,
}

/// Inputs combined for a point: even and odd part of the polynomial that vanishes at the others.
#[inline(always)]
fn pair<I: Isa, T: Real>(out: &mut [T], [x1, x2, x3, x4]: [&[T]; 4], square: T, point: T) {
    for k in 0..out.len() {
        let even = I::mul_add(-square, x2[k], x4[k]);
        out[k] = I::mul_add(point, I::mul_add(-square, x1[k], x3[k]), even);
    }
}

/// The same for zero and, one input on, infinity.
#[inline(always)]
fn end<I: Isa, T: Real>(out: &mut [T], [x0, x2, x4]: [&[T]; 3]) {
    let (both, sum) = (T::of(A * A * B * B), T::of(A * A + B * B));
    for k in 0..out.len() {
        out[k] = I::mul_add(both, x0[k], I::mul_add(-sum, x2[k], x4[k]));
    }
}

/// Copies the six input rows of a row of tiles, padded with zeros.
fn take<T: Real>(map: &[T], g: &Geometry, (row, columns): (usize, &Range<usize>), rows: &mut Rows<T>) {
    let (height, width) = g.size;
    // One more tile's worth: the last one reads two columns of its successor.
    rows.len = (columns.len() + 1) * TILE;
    rows.values.clear();
    rows.values.resize(SPAN * rows.len, T::ZERO);
    for (i, to) in rows.values.chunks_exact_mut(rows.len).enumerate() {
        // Input row and column of the first element, both moved by the padding.
        let (y, x) = (row * TILE + i, columns.start * TILE);
        if y == 0 || y > height {
            continue;
        }
        let skip = usize::from(x == 0);
        let from = &map[(y - 1) * width..][..width][(x + skip - 1).min(width)..];
        let count = from.len().min(to.len() - skip);
        to[skip..][..count].copy_from_slice(&from[..count]);
    }
    rows.row.resize(rows.len, T::ZERO);
    rows.phases.iter_mut().for_each(|phase| phase.resize(columns.len() + 1, T::ZERO));
}

simd_fn! {
    /// Row `i` of the points of all tiles: combines the input rows, then, tile by tile, the columns.
    fn to_points[I, T](rows: &mut Rows<T>, i: usize, out: [&mut [T]; SPAN]) {
        let (aa, bb) = (T::of(A * A), T::of(B * B));
        let n = rows.len;
        let [r0, r1, r2, r3, r4, r5] = std::array::from_fn(|k| &rows.values[k * n..][..n]);
        let row = &mut rows.row[..n];
        match i {
            0 => end::<I, T>(row, [r0, r2, r4]),
            1 => pair::<I, T>(row, [r1, r2, r3, r4], bb, T::of(A)),
            2 => pair::<I, T>(row, [r1, r2, r3, r4], bb, T::of(-A)),
            3 => pair::<I, T>(row, [r1, r2, r3, r4], aa, T::of(B)),
            4 => pair::<I, T>(row, [r1, r2, r3, r4], aa, T::of(-B)),
            _ => end::<I, T>(row, [r1, r3, r5]),
        }
        let [p0, p1, p2, p3] = &mut rows.phases;
        let count = n / TILE;
        let (p0, p1, p2, p3) = (&mut p0[..count], &mut p1[..count], &mut p2[..count], &mut p3[..count]);
        for (k, four) in row.chunks_exact(TILE).enumerate() {
            (p0[k], p1[k], p2[k], p3[k]) = (four[0], four[1], four[2], four[3]);
        }
        let count = count - 1;
        let (x0, x1, x2, x3) = (&p0[..count], &p1[..count], &p2[..count], &p3[..count]);
        let (x4, x5) = (&p0[1..][..count], &p1[1..][..count]);
        let [o0, o1, o2, o3, o4, o5] = out.map(|out| &mut out[..count]);
        end::<I, T>(o0, [x0, x2, x4]);
        pair::<I, T>(o1, [x1, x2, x3, x4], bb, T::of(A));
        pair::<I, T>(o2, [x1, x2, x3, x4], bb, T::of(-A));
        pair::<I, T>(o3, [x1, x2, x3, x4], aa, T::of(B));
        pair::<I, T>(o4, [x1, x2, x3, x4], aa, T::of(-B));
        end::<I, T>(o5, [x1, x3, x5]);
    }
}

simd_fn! {
    /// From row `i` of the points of all tiles to its four columns, which are kept.
    fn from_points[I, T](points: [&[T]; SPAN], i: usize, rows: &mut Rows<T>) {
        let count = points[0].len();
        let [m0, m1, m2, m3, m4, m5] = points.map(|m| &m[..count]);
        rows.len = count;
        rows.values.resize(SPAN * TILE * count, T::ZERO);
        let four = &mut rows.values[i * TILE * count..][..TILE * count];
        let (y0, rest) = four.split_at_mut(count);
        let (y1, rest) = rest.split_at_mut(count);
        let (y2, y3) = rest.split_at_mut(count);
        for k in 0..count {
            let (near, far) = (m1[k] + m2[k], m3[k] + m4[k]);
            let (odd_near, odd_far) = (m1[k] - m2[k], m3[k] - m4[k]);
            y0[k] = m0[k] + (near + far);
            y1[k] = I::mul_add(T::of(A), odd_near, T::of(B) * odd_far);
            y2[k] = I::mul_add(T::of(A * A), near, T::of(B * B) * far);
            y3[k] = I::mul_add(T::of(A * A * A), odd_near, I::mul_add(T::of(B * B * B), odd_far, m5[k]));
        }
    }
}

simd_fn! {
    /// Row `y` of the outputs of all tiles, as far as `out` reaches.
    fn put[I, T](rows: &mut Rows<T>, y: usize, out: &mut [T]) {
        // Factors of the sums and differences of opposite points, of the first and of the last point.
        let (near, far) = (T::of(A.powi(y as i32)), T::of(B.powi(y as i32)));
        let sign = if y.is_multiple_of(2) { T::ONE } else { -T::ONE };
        let (first, last) = (if y == 0 { T::ONE } else { T::ZERO }, if y == 3 { T::ONE } else { T::ZERO });
        let n = TILE * rows.len;
        let [m0, m1, m2, m3, m4, m5] = std::array::from_fn(|k| &rows.values[k * n..][..n]);
        rows.row.resize(n, T::ZERO);
        let row = &mut rows.row[..n];
        for k in 0..n {
            let ends = I::mul_add(first, m0[k], last * m5[k]);
            let inner = I::mul_add(far, I::mul_add(sign, m4[k], m3[k]), ends);
            row[k] = I::mul_add(near, I::mul_add(sign, m2[k], m1[k]), inner);
        }
        let count = rows.len;
        let (x0, rest) = row.split_at(count);
        let (x1, rest) = rest.split_at(count);
        let (x2, x3) = rest.split_at(count);
        let whole = out.len() / TILE;
        for (k, four) in out.chunks_exact_mut(TILE).enumerate() {
            (four[0], four[1], four[2], four[3]) = (x0[k], x1[k], x2[k], x3[k]);
        }
        let rest = [x0, x1, x2, x3];
        for (x, value) in out[whole * TILE..].iter_mut().enumerate() {
            *value = rest[x][whole];
        }
    }
}

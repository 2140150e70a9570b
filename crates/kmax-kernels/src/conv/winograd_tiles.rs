//! The transforms of Winograd's convolution, for a chunk of tiles at a time: every loop runs over neighbouring tiles.

use super::winograd::{A, B, CHUNK, POINTS, SPAN, TILE};
use crate::cpu::{Float, Isa, simd_fn};

/// One value of each tile.
pub(super) type Tiles<T> = [T; CHUNK];
/// The inputs of the tiles by row and column.
pub(super) type Patch<T> = [[Tiles<T>; SPAN]; SPAN];
/// Four rows of outputs, tile by tile.
pub(super) type Output<T> = [[T; CHUNK * TILE]; TILE];

/// The factors of a point's inputs: `x[n] = f(x[n + k] ...)` of a polynomial that vanishes at all other points.
#[inline(always)]
fn combine<I: Isa, T: Float>(i: usize, x: [&Tiles<T>; SPAN], out: &mut [T]) {
    let (aa, bb) = (T::of(A * A), T::of(B * B));
    let out = &mut out[..CHUNK];
    // Even and odd part of the polynomial for a pair of opposite points.
    let (square, point) = match i {
        1 => (bb, T::of(A)),
        2 => (bb, T::of(-A)),
        3 => (aa, T::of(B)),
        4 => (aa, T::of(-B)),
        _ => {
            // Zero and, one input on, infinity.
            let (both, sum) = (T::of(A * A * B * B), T::of(A * A + B * B));
            let first = usize::from(i != 0);
            let (x0, x2, x4) = (x[first], x[first + 2], x[(first + 4).min(SPAN - 1)]);
            for k in 0..CHUNK {
                out[k] = I::mul_add(both, x0[k], I::mul_add(-sum, x2[k], x4[k]));
            }
            return;
        }
    };
    for k in 0..CHUNK {
        let even = I::mul_add(-square, x[2][k], x[4][k]);
        out[k] = I::mul_add(point, I::mul_add(-square, x[1][k], x[3][k]), even);
    }
}

simd_fn! {
    /// Values of the tiles at all points, rows first.
    pub(super) fn to_points[I, T](patch: &Patch<T>, out: &mut [&mut [T]; POINTS]) {
        let mut half = [[T::ZERO; CHUNK]; SPAN];
        for i in 0..SPAN {
            for (column, half) in half.iter_mut().enumerate() {
                combine::<I, T>(i, std::array::from_fn(|row| &patch[row][column]), half);
            }
            for j in 0..SPAN {
                combine::<I, T>(j, std::array::from_fn(|column| &half[column]), out[i * SPAN + j]);
            }
        }
    }
}

simd_fn! {
    /// Sets the first four columns of one row from its inputs, and the other two from those of the next tile.
    pub(super) fn spread[I, T](row: &[T; CHUNK * TILE], columns: &mut [Tiles<T>; SPAN]) {
        let [c0, c1, c2, c3, c4, c5] = columns;
        for k in 0..CHUNK {
            c0[k] = row[TILE * k];
            c1[k] = row[TILE * k + 1];
            c2[k] = row[TILE * k + 2];
            c3[k] = row[TILE * k + 3];
        }
        c4[..CHUNK - 1].copy_from_slice(&c0[1..]);
        c5[..CHUNK - 1].copy_from_slice(&c1[1..]);
    }
}

/// Output `y` of the six sums of a line: sums and differences of opposite points by their powers.
#[inline(always)]
fn evaluate<I: Isa, T: Float>(y: usize, m: [T; SPAN]) -> T {
    let (near, far) = (T::of(A.powi(y as i32)), T::of(B.powi(y as i32)));
    let sum = match y % 2 {
        0 => I::mul_add(near, m[1] + m[2], far * (m[3] + m[4])),
        _ => I::mul_add(near, m[1] - m[2], far * (m[3] - m[4])),
    };
    match y {
        0 => m[0] + sum,
        3 => m[5] + sum,
        _ => sum,
    }
}

simd_fn! {
    /// The outputs of the tiles from their sums at all points.
    pub(super) fn from_points[I, T](points: [&Tiles<T>; POINTS], output: &mut Output<T>) {
        // By column of the output and row of points.
        let mut half = [[[T::ZERO; CHUNK]; SPAN]; TILE];
        for i in 0..SPAN {
            for (x, half) in half.iter_mut().enumerate() {
                for k in 0..CHUNK {
                    half[i][k] = evaluate::<I, T>(x, std::array::from_fn(|j| points[i * SPAN + j][k]));
                }
            }
        }
        for (y, row) in output.iter_mut().enumerate() {
            let mut columns = [[T::ZERO; CHUNK]; TILE];
            for (column, half) in columns.iter_mut().zip(&half) {
                for k in 0..CHUNK {
                    column[k] = evaluate::<I, T>(y, std::array::from_fn(|i| half[i][k]));
                }
            }
            let [c0, c1, c2, c3] = &columns;
            for k in 0..CHUNK {
                row[TILE * k] = c0[k];
                row[TILE * k + 1] = c1[k];
                row[TILE * k + 2] = c2[k];
                row[TILE * k + 3] = c3[k];
            }
        }
    }
}

//! All pairs of some vectors: exponentials of their products, and products with these.

use super::kernel::{Product, multiply};
use crate::cpu::{Float, all_written, simd_fn, with_buffer, written};
use crate::matrix::{ROWS, width};
use rayon::prelude::*;
use std::mem::MaybeUninit;
use std::ops::Range;

/// Rows of a block of the matrix of pairs: a multiple of the kernel's rows and of every panel.
const BLOCK: usize = 192;
/// Columns of a tile, a multiple of every panel. A second-level cache holds its values.
const COLUMNS: usize = 512;
/// Distance of the rows of a weighed tile: its columns' lines fall into different sets of a cache.
const APART: usize = COLUMNS + 16;
/// Parts of the work, each with its sums. Their number must not depend on the threads: neither may the result.
const STRIPS: usize = 4;

/// Vectors, laid out for the kernel in both of its roles.
pub(super) struct Pairs<T> {
    channels: usize,
    count: usize,
    /// No product of two is larger.
    bound: f64,
    /// Row by row, each filled with zeros to whole panels; there are whole groups of rows.
    vectors: Vec<T>,
    /// As the columns of a matrix, `[count / width, channels, width]`.
    panels: Vec<T>,
}

/// Some rows of the matrix with some columns.
struct Tile {
    rows: Range<usize>,
    columns: Range<usize>,
}

impl Tile {
    /// Length of a row in memory: whole panels.
    fn width<T: Float>(&self) -> usize {
        self.columns.len().next_multiple_of(width::<T>())
    }

    /// Elements in memory.
    fn len<T: Float>(&self) -> usize {
        self.rows.len() * self.width::<T>()
    }
}

/// `e^(product - bound)` of every pair.
pub(super) struct Exponentials<T> {
    /// The tiles of each strip, one after the other.
    strips: Vec<Vec<T>>,
    /// Sum of each vector's.
    pub totals: Vec<f64>,
}

impl<T: Float> Pairs<T> {
    /// Of the columns of `x` `[channels, count]`, times `scale`.
    pub(super) fn new(x: &[T], (channels, count): (usize, usize), scale: T) -> Self {
        let width = width::<T>();
        let wide = channels.next_multiple_of(width);
        let mut vectors = vec![T::ZERO; count.next_multiple_of(ROWS) * wide];
        let mut panels = vec![T::ZERO; count.next_multiple_of(width) * channels];
        for (channel, row) in x.chunks_exact(count.max(1)).enumerate() {
            for (i, v) in row.iter().enumerate() {
                vectors[i * wide + channel] = *v * scale;
            }
            for (panel, row) in panels.chunks_exact_mut(channels * width).zip(row.chunks(width)) {
                let panel = &mut panel[channel * width..];
                panel.iter_mut().zip(row).for_each(|(to, v)| *to = *v * scale);
            }
        }
        let mut pairs = Self { channels, count, bound: 0.0, vectors, panels };
        let squares = pairs.vectors().map(|vector| vector.iter().map(|v| v.wide() * v.wide()).sum::<f64>());
        // Not the maximum function, which loses a NaN: a NaN stays whatever comes later.
        pairs.bound =
            squares.fold(0.0, |most, square| if most.is_nan() || square <= most { most } else { square });
        pairs
    }

    pub(super) fn channels(&self) -> usize {
        self.channels
    }

    pub(super) fn bound(&self) -> f64 {
        self.bound
    }

    /// Length of a row in memory.
    fn wide(&self) -> usize {
        self.channels.next_multiple_of(width::<T>())
    }

    /// The vectors, scaled.
    pub(super) fn vectors(&self) -> impl Iterator<Item = &[T]> {
        self.rows(&self.vectors)
    }

    /// The rows of what is laid out as the vectors are.
    pub(super) fn rows<'a>(&self, values: &'a [T]) -> impl Iterator<Item = &'a [T]> + use<'a, T> {
        let (channels, wide) = (self.channels, self.wide());
        values.chunks_exact(wide.max(1)).take(self.count).map(move |row| &row[..channels])
    }

    /// The tiles of a strip. The matrix is symmetric: of a block's rows there is the square on the diagonal, and what lies
    /// to the right of it.
    fn tiles(&self, strip: usize) -> Vec<Tile> {
        let mut tiles = Vec::new();
        for (i, start) in (0..self.count).step_by(BLOCK).enumerate() {
            // There and back, as rows get shorter.
            let turn = i % (2 * STRIPS);
            if turn.min(2 * STRIPS - 1 - turn) != strip {
                continue;
            }
            let rows = start..self.count.min(start + BLOCK);
            tiles.push(Tile { rows: rows.clone(), columns: rows.clone() });
            tiles.extend(
                (rows.end..self.count)
                    .step_by(COLUMNS)
                    .map(|from| Tile { rows: rows.clone(), columns: from..self.count.min(from + COLUMNS) }),
            );
        }
        tiles
    }

    /// The exponentials of half of the matrix.
    pub(super) fn exponentials(&self) -> Exponentials<T> {
        let strips = (0..STRIPS).into_par_iter().with_max_len(1).map(|strip| self.strip(strip));
        let (strips, parts): (Vec<_>, Vec<_>) = strips.collect::<Vec<_>>().into_iter().unzip();
        let mut totals = vec![0.0; self.count];
        for part in parts {
            totals.iter_mut().zip(part).for_each(|(total, sum)| *total += sum);
        }
        Exponentials { strips, totals }
    }

    /// The exponentials of a strip, and for each vector the sum of those that it takes part in.
    fn strip(&self, strip: usize) -> (Vec<T>, Vec<f64>) {
        let tiles = self.tiles(strip);
        let mut totals = vec![0.0; self.count];
        let fill = |mut values: &mut [MaybeUninit<T>]| {
            for tile in &tiles {
                let (here, later) = values.split_at_mut(tile.len::<T>());
                values = later;
                let here = self.products(tile, here);
                let (bound, mut sums) = (T::of(self.bound), [T::ZERO; BLOCK]);
                let mut below = [T::ZERO; COLUMNS];
                let (sums, below) = (&mut sums[..tile.rows.len()], &mut below[..tile.columns.len()]);
                exponentials(here, tile.width::<T>(), bound, sums, below);
                let add = |totals: &mut [f64], sums: &[T]| {
                    totals.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum.wide());
                };
                add(&mut totals[tile.rows.clone()], sums);
                // The square on the diagonal is whole: its rows have everything.
                if tile.rows != tile.columns {
                    add(&mut totals[tile.columns.clone()], below);
                }
            }
        };
        // SAFETY: the tiles fill the buffer, and each is written by its product before it is read.
        let values = unsafe { written(tiles.iter().map(Tile::len::<T>).sum(), fill) };
        (values, totals)
    }

    /// Writes the products of the vectors of a tile.
    fn products<'a>(&self, tile: &Tile, out: &'a mut [MaybeUninit<T>]) -> &'a mut [T] {
        let (wide, width) = (self.wide(), width::<T>());
        assert!(out.len() == tile.len::<T>() && tile.columns.start.is_multiple_of(width));
        let product = Product {
            rows: tile.rows.len(),
            depth: self.channels,
            panels: tile.columns.len().div_ceil(width),
            left: self.vectors[tile.rows.start * wide..].as_ptr(),
            left_steps: (wide, 1),
            right: self.panels[tile.columns.start * self.channels..].as_ptr(),
            right_steps: (self.channels * width, width),
            out: out.as_mut_ptr().cast(),
            out_step: tile.width::<T>(),
            add: false,
        };
        // SAFETY: there are vectors for whole groups of rows, blocks begin at one, and panels for all columns; `out` has the
        // tile's size (asserted), all of which the product writes.
        unsafe {
            multiply(&product);
            all_written(out)
        }
    }

    /// For each vector the sum of all vectors, each times the pair's exponential and the sum of both vectors' weights; laid out
    /// as the vectors are.
    pub(super) fn weighed_sums(&self, exponentials: &Exponentials<T>, weights: &[T]) -> Vec<T> {
        let strips = exponentials.strips.par_iter().enumerate().with_max_len(1);
        let parts = strips.map(|(strip, values)| self.weighed_strip(strip, values, weights));
        let mut parts = parts.collect::<Vec<_>>().into_iter();
        let mut sums = parts.next().unwrap_or_default();
        for part in parts {
            sums.iter_mut().zip(part).for_each(|(sum, v)| *sum += v);
        }
        sums
    }

    fn weighed_strip(&self, strip: usize, mut values: &[T], weights: &[T]) -> Vec<T> {
        let mut sums = vec![T::ZERO; self.vectors.len()];
        with_buffer(BLOCK * APART, |weighed: &mut [T]| {
            for tile in self.tiles(strip) {
                let (here, later) = values.split_at(tile.len::<T>());
                values = later;
                let (of_rows, of_columns) = (&weights[tile.rows.clone()], &weights[tile.columns.clone()]);
                weigh(here, tile.width::<T>(), of_rows, of_columns, weighed);
                self.add_products(weighed, &tile.rows, (APART, 1), &tile.columns, &mut sums);
                if tile.rows != tile.columns {
                    self.add_products(weighed, &tile.columns, (1, APART), &tile.rows, &mut sums);
                }
            }
        });
        sums
    }

    /// Adds to `sums` of each vector of `rows` the vectors of `others`, with the factors `weighed`, whose rows and columns are
    /// `steps` apart.
    fn add_products(
        &self,
        weighed: &[T],
        rows: &Range<usize>,
        steps: (usize, usize),
        others: &Range<usize>,
        sums: &mut [T],
    ) {
        let (wide, width) = (self.wide(), width::<T>());
        assert!(weighed.len() == BLOCK * APART && sums.len() == self.vectors.len());
        let product = Product {
            rows: rows.len(),
            depth: others.len(),
            panels: wide / width,
            left: weighed.as_ptr(),
            left_steps: steps,
            right: self.vectors[others.start * wide..].as_ptr(),
            right_steps: (width, wide),
            out: sums[rows.start * wide..].as_mut_ptr(),
            out_step: wide,
            add: true,
        };
        // SAFETY: blocks and tiles are no larger than `BLOCK` and `COLUMNS`, and both of these leave room for whole groups of
        // rows in the buffer of factors; rows and others are vectors, and `sums` is laid out as these (asserted).
        unsafe { multiply(&product) };
    }
}

simd_fn! {
    /// `row = e^(row - bound)` for the rows of a tile, `width` apart, as many and as long as the sums of rows and columns, to
    /// which they are added.
    fn exponentials[I, T](tile: &mut [T], width: usize, bound: T, rows: &mut [T], columns: &mut [T]) {
        const LANES: usize = 32;
        for (row, sum) in tile.chunks_exact_mut(width).zip(rows) {
            let mut lanes = [T::ZERO; LANES];
            for (row, columns) in row.chunks_mut(LANES).zip(columns.chunks_mut(LANES)) {
                for ((v, column), lane) in row.iter_mut().zip(columns).zip(&mut lanes) {
                    *v = (*v - bound).bounded_exponential::<I>();
                    *lane += *v;
                    *column += *v;
                }
            }
            lanes.iter().for_each(|lane| *sum += *lane);
        }
    }
}

simd_fn! {
    /// `out = tile * (row's weight + column's weight)`; the rows of the tile are `width`, those of `out` [`APART`] elements
    /// apart.
    fn weigh[I, T](tile: &[T], width: usize, rows: &[T], columns: &[T], out: &mut [T]) {
        for ((out, tile), weight) in out.chunks_exact_mut(APART).zip(tile.chunks_exact(width)).zip(rows) {
            for ((out, v), other) in out.iter_mut().zip(tile).zip(columns) {
                *out = *v * (*weight + *other);
            }
        }
    }
}

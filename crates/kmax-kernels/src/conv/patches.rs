//! The patch matrix of a convolution (im2col), a tile at a time.

use super::geometry::Geometry;
use crate::cpu::{Float, Plain, by_path};
use std::ops::Range;

/// One run of a tile: output columns `columns` of one output row, which stand from `at` in the tile and meet, in
/// one input row, the columns from `first` on.
struct Run {
    at: usize,
    len: usize,
    /// Input row, or `None` in the padding.
    row: Option<usize>,
    /// Elements of the run that lie in the padding on the left; those after `inside.end` on the right.
    inside: Range<usize>,
    /// Input column of element `inside.start`.
    first: usize,
}

/// The runs of the output elements `pixels` for kernel tap `(ky, kx)`.
fn runs(g: &Geometry, (ky, kx): (usize, usize), pixels: &Range<usize>) -> impl Iterator<Item = Run> {
    let (g, end, begin) = (*g, pixels.end, pixels.start);
    let (down, right) = (ky * g.params.dilation, kx * g.params.dilation);
    // Output columns that meet the input: those with 0 <= column * stride + right - padding < width.
    let low = g.params.padding.1.saturating_sub(right).div_ceil(g.params.stride);
    let high = (g.size.1 + g.params.padding.1).saturating_sub(right).div_ceil(g.params.stride);
    let mut next = begin;
    std::iter::from_fn(move || {
        if next >= end {
            return None;
        }
        let (y, x) = (next / g.out.1, next % g.out.1);
        let len = (g.out.1 - x).min(end - next);
        let at = next - begin;
        next += len;
        let row = (y * g.params.stride + down).checked_sub(g.params.padding.0).filter(|row| *row < g.size.0);
        let start = low.clamp(x, x + len);
        let stop = high.clamp(start, x + len);
        let first = (start * g.params.stride + right).saturating_sub(g.params.padding.1);
        Some(Run { at, len, row, inside: start - x..stop - x, first })
    })
}

/// Writes the patches of `maps` (consecutive input maps) for the output elements `pixels` into `tile`, one row for
/// each map and tap.
pub(super) fn gather<T: Float>(maps: &[T], g: &Geometry, pixels: &Range<usize>, tile: &mut [T]) {
    for (i, row) in tile.chunks_exact_mut(pixels.len().max(1)).enumerate() {
        let map = &maps[i / g.taps() * g.in_area()..][..g.in_area()];
        gather_row(map, g, i % g.taps(), pixels, row);
    }
}

/// One row of that, of the input map `map` and the kernel's tap `tap`.
pub(super) fn gather_row<T: Plain>(
    map: &[T],
    g: &Geometry,
    tap: usize,
    pixels: &Range<usize>,
    row: &mut [T],
) {
    by_path! { [T: Plain] [T] (map: &[T], g: &Geometry, tap: usize, pixels: &Range<usize>, row: &mut [T]), I => {
        let width = g.size.1;
        for run in runs(g, (tap / g.kernel.1, tap % g.kernel.1), pixels) {
            let to = &mut row[run.at..][..run.len];
            let Some(y) = run.row.filter(|_| !run.inside.is_empty()) else {
                to.fill(T::default());
                continue;
            };
            to[..run.inside.start].fill(T::default());
            to[run.inside.end..].fill(T::default());
            let from = &map[y * width + run.first..(y + 1) * width];
            let to = &mut to[run.inside];
            match g.params.stride {
                1 => to.copy_from_slice(&from[..to.len()]),
                2 => {
                    // Pairs, so that compilers see how elements stand in vectors.
                    let (pairs, last) = from.as_chunks::<2>();
                    to.iter_mut().zip(pairs).for_each(|(to, pair)| *to = pair[0]);
                    if let (Some(to), [last]) = (to.get_mut(pairs.len()), last) {
                        *to = *last;
                    }
                }
                s => to.iter_mut().zip(from.iter().step_by(s)).for_each(|(to, from)| *to = *from),
            }
        }
    } }
}

/// The reverse of [`gather`]: adds the tile to the input maps.
pub(super) fn scatter_add<T: Float>(tile: &[T], g: &Geometry, pixels: &Range<usize>, maps: &mut [T]) {
    let (taps, width, area) = (g.taps(), g.size.1, g.in_area());
    for (i, row) in tile.chunks_exact(pixels.len().max(1)).enumerate() {
        let map = &mut maps[i / taps * area..][..area];
        for run in runs(g, (i % taps / g.kernel.1, i % taps % g.kernel.1), pixels) {
            let Some(y) = run.row.filter(|_| !run.inside.is_empty()) else { continue };
            let from = &row[run.at..][run.inside];
            let to = &mut map[y * width + run.first..(y + 1) * width];
            match g.params.stride {
                1 => to.iter_mut().zip(from).for_each(|(to, from)| *to += *from),
                s => to.iter_mut().step_by(s).zip(from).for_each(|(to, from)| *to += *from),
            }
        }
    }
}

//! Convolution as matrix products over tiles of the patch matrix, which stay in the cache.

use super::epilogue::EpilogueValues;
use super::geometry::Geometry;
use super::patches;
use crate::cpu::{Float, Shared, written};
use crate::product::{Matrix, product};
use rayon::prelude::*;
use std::mem::MaybeUninit;
use std::ops::Range;

/// Output elements of a tile, about.
const TILE: usize = 512;
/// Elements of a patch tile at most, where one channel fits: half of a usual second-level cache in float32.
const PATCHES: usize = 128 * 1024;

/// Whether the input itself is the patch matrix.
pub(super) fn is_direct(g: &Geometry) -> bool {
    g.taps() == 1 && g.params.stride == 1 && g.params.padding == (0, 0)
}

/// A count cut into parts of equal size, but for the last.
#[derive(Clone, Copy)]
pub(super) struct Parts {
    count: usize,
    size: usize,
}

impl Parts {
    /// Parts of about `about` things and of a multiple of `unit`; if more than one, their number is a multiple of
    /// `multiple` where rounding allows.
    pub fn new(count: usize, about: usize, unit: usize, multiple: usize) -> Self {
        let number = match count.div_ceil(about.max(1)) {
            0 | 1 => 1,
            n => n.next_multiple_of(multiple.max(1)),
        };
        Self { count, size: count.div_ceil(number).next_multiple_of(unit).max(1) }
    }

    /// How many.
    pub fn number(self) -> usize {
        self.count.div_ceil(self.size)
    }

    /// The part `i`.
    pub fn part(self, i: usize) -> Range<usize> {
        (i * self.size).min(self.count)..((i + 1) * self.size).min(self.count)
    }
}

/// The output of the input `x` and the kernel `w`.
pub(super) fn forward<T: Float>(x: &[T], w: &[T], g: &Geometry, epilogue: &EpilogueValues<T>) -> Vec<T> {
    let (area, len) = (g.out_area(), g.batch * g.output * g.out_area());
    if len == 0 {
        return Vec::new();
    }
    let threads = rayon::current_num_threads();
    let (inputs, outputs) = (g.input / g.params.groups, g.output / g.params.groups);
    let images = g.batch * g.params.groups;
    // Whole vectors: 64 elements are four of the widest registers.
    let pixels = Parts::new(area, TILE, 64, if images < 4 * threads { threads } else { 1 });
    // Few tiles: the output channels share out the work as well.
    let wanted = threads.div_ceil(images * pixels.number());
    let channels = Parts::new(outputs, outputs.div_ceil(wanted).max(64), 8, 1);
    let depth = inputs * g.taps();
    let fill = |out: &mut [MaybeUninit<T>]| {
        let out = Shared::unwritten(out);
        let tasks = images * channels.number() * pixels.number();
        (0..tasks).into_par_iter().with_max_len(1).for_each_init(Vec::new, |patch, task| {
            let pixels_here = pixels.part(task % pixels.number());
            let block = channels.part(task / pixels.number() % channels.number());
            let image = task / pixels.number() / channels.number();
            let maps = &x[image * inputs * g.in_area()..][..inputs * g.in_area()];
            let first = image % g.params.groups * outputs + block.start;
            let w = &w[first * depth..][..block.len() * depth];
            let start = (image * outputs + block.start) * area + pixels_here.start;
            // SAFETY: rows of `pixels_here.len()` elements, `area` apart from `start`, are this task's alone.
            unsafe { tile(maps, w, g, out.at(start), (block.len(), &pixels_here), patch) };
            for i in 0..block.len() {
                let start = start + i * area;
                // SAFETY: as above, and the products that wrote the row are done.
                let row = unsafe { out.slice(start, pixels_here.len()) };
                epilogue.apply(row, first + i, start);
            }
        });
    };
    // SAFETY: the tasks tile the output; each writes its tile in full before it reads it again.
    unsafe { written(len, fill) }
}

/// One tile of the output: `rows` channels and the elements `pixels`.
///
/// # Safety
/// `out` is valid for writes of `rows` rows of `pixels.len()` elements, `out_area` apart, and nobody else touches
/// them meanwhile.
unsafe fn tile<T: Float>(
    maps: &[T],
    w: &[T],
    g: &Geometry,
    out: *mut T,
    (rows, pixels): (usize, &Range<usize>),
    patch: &mut Vec<T>,
) {
    let (inputs, taps, area) = (g.input / g.params.groups, g.taps(), g.out_area());
    let (depth, n) = (inputs * taps, pixels.len());
    let dst = (out, area);
    if is_direct(g) || inputs == 0 {
        let lhs = Matrix { values: w, rows: depth, columns: 1 };
        let rhs = Matrix { values: maps.get(pixels.start..).unwrap_or(&[]), rows: area, columns: 1 };
        // SAFETY: the caller's promise.
        unsafe { product((rows, n, depth), dst, false, lhs, rhs) };
        return;
    }
    let most = (PATCHES / (taps * n)).clamp(1, inputs);
    // Equal shares rather than full ones and a small rest.
    let share = inputs.div_ceil(inputs.div_ceil(most));
    patch.resize(share * taps * n, T::ZERO);
    for from in (0..inputs).step_by(share) {
        let count = share.min(inputs - from);
        let patch = &mut patch[..count * taps * n];
        patches::gather(&maps[from * g.in_area()..][..count * g.in_area()], g, pixels, patch);
        let lhs = Matrix { values: &w[from * taps..], rows: depth, columns: 1 };
        let rhs = Matrix { values: patch, rows: n, columns: 1 };
        // SAFETY: the caller's promise.
        unsafe { product((rows, n, count * taps), dst, from > 0, lhs, rhs) };
    }
}

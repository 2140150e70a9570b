//! Lines of a map side by side in the lanes of vectors.

use crate::cpu::{Float, Shared, copied, simd_fn, with_buffer};
use std::mem::MaybeUninit;

/// Lines side by side.
pub(super) const LANES: usize = 16;

/// One position of sixteen lines; a line of the cache, so that no load touches two.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Lanes<T>(pub [T; LANES]);

/// Calls `f` with `len` vectors of any values.
pub(super) fn with_lanes<T: Float, R>(len: usize, f: impl FnOnce(&mut [Lanes<T>]) -> R) -> R {
    let each = size_of::<Lanes<T>>() / size_of::<T>();
    // One more to begin where a vector may.
    with_buffer::<T, R>((len + 1) * each, |values| {
        // SAFETY: `Lanes` are `f32` or `f64` without a gap, for which every pattern of bits is a value.
        let (_, lanes, _) = unsafe { values.align_to_mut::<Lanes<T>>() };
        f(&mut lanes[..len])
    })
}

/// Maps whose lines are their columns or their rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Maps {
    /// Positions of a line.
    pub length: usize,
    pub lines: usize,
    /// Whether lines are columns.
    pub vertical: bool,
}

impl Maps {
    pub fn area(&self) -> usize {
        self.length * self.lines
    }

    /// The lines from `line` on, as many as there are up to [`LANES`], of each of `maps`: position `i` of channel `c` goes to
    /// `to[c * pitch + i]`, times `factor(c)`. Lanes without a line keep what they had.
    pub fn take<T: Float>(
        &self,
        maps: &[T],
        line: usize,
        factor: impl Fn(usize) -> T,
        to: &mut [Lanes<T>],
        pitch: usize,
    ) {
        let channels = maps.chunks_exact(self.area()).zip(to.chunks_exact_mut(pitch));
        for (channel, (map, to)) in channels.enumerate() {
            if self.vertical {
                columns(map, self.lines, line, factor(channel), to)
            } else {
                rows(&map[line * self.length..], self.length, factor(channel), to)
            }
        }
    }

    /// The reverse, for channels without a pitch: into `out` from `first` on.
    ///
    /// # Safety
    /// As many maps of this size as `from` has channels lie there, and nobody else touches these lines meanwhile.
    pub unsafe fn put<T: Float>(&self, from: &[Lanes<T>], line: usize, out: Shared<T>, first: usize) {
        let count = LANES.min(self.lines - line);
        for (channel, from) in from.chunks_exact(self.length).enumerate() {
            let start = first + channel * self.area();
            if self.vertical {
                for (i, lanes) in from.iter().enumerate() {
                    // SAFETY: within the channel's map; these columns are the caller's alone (its promise).
                    let to = unsafe { out.unwritten_slice(start + i * self.lines + line, count) };
                    match to.as_chunks_mut::<LANES>().0 {
                        // Of constant length, and so one instruction.
                        [to] => *to = lanes.0.map(MaybeUninit::new),
                        _ => {
                            copied(to, &lanes.0[..count]);
                        }
                    }
                }
                continue;
            }
            // SAFETY: as above; `count` whole rows.
            rows_back(from, unsafe { out.unwritten_slice(start + line * self.length, count * self.length) });
        }
    }
}

simd_fn! {
    /// Columns `line..` of `map`, which has `width`.
    fn columns[I, T](map: &[T], width: usize, line: usize, factor: T, to: &mut [Lanes<T>]) {
        for (row, to) in map.chunks_exact(width).zip(to) {
            match row[line..].first_chunk::<LANES>() {
                // Of constant length, and so one instruction.
                Some(row) => to.0.iter_mut().zip(row).for_each(|(to, v)| *to = *v * factor),
                None => to.0.iter_mut().zip(&row[line..]).for_each(|(to, v)| *to = *v * factor),
            }
        }
    }
}

simd_fn! {
    /// The first rows of `map`, which have `length` elements.
    fn rows[I, T](map: &[T], length: usize, factor: T, to: &mut [Lanes<T>]) {
        let count = LANES.min(map.len() / length);
        let map = &map[..count * length];
        // Position by position: the few rows stay in the cache, and what is written is written in one go.
        for (i, to) in to.iter_mut().take(length).enumerate() {
            for lane in 0..count {
                to.0[lane] = map[lane * length + i] * factor;
            }
        }
    }
}

simd_fn! {
    /// The reverse of `rows`: as many as `to` holds.
    fn rows_back[I, T](from: &[Lanes<T>], to: &mut [MaybeUninit<T>]) {
        for (lane, row) in to.chunks_exact_mut(from.len()).enumerate() {
            for (to, lanes) in row.iter_mut().zip(from) {
                to.write(lanes.0[lane % LANES]);
            }
        }
    }
}

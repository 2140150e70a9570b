//! Depthwise convolution with stride 1 and a square kernel: each input row is read once for all output rows it serves.

use crate::cpu::{Float, Kernel, Vector, run};
use std::mem::MaybeUninit;

/// Output rows done at once.
const ROWS: usize = 4;
/// Elements that may be read behind the last one that counts: two of the widest registers.
pub(super) const SPARE: usize = 32;

/// Every row `y` of `out`, `width` elements each, from the rows `y` to `y + K - 1` of `values`, `step` apart, and the kernel
/// `[K, K]`. A row of `values` has `width + K - 1` elements and [`SPARE`] more.
pub(super) fn square<T: Float, const K: usize>(
    values: &[T],
    step: usize,
    kernel: &[T],
    out: &mut [MaybeUninit<T>],
    width: usize,
) {
    if width == 0 || out.is_empty() {
        return;
    }
    let height = out.len() / width;
    let enough = kernel.len() == K * K
        && step >= width + K - 1 + SPARE
        && values.len() >= (height + K - 1) * step
        && out.len() == height * width;
    assert!(enough, "a depthwise convolution outside its map");
    // SAFETY: the sizes were asserted.
    unsafe { run(Square::<T, K> { values, step, kernel, out, width }) }
}

/// The arguments of [`square`].
struct Square<'a, T, const K: usize> {
    values: &'a [T],
    step: usize,
    kernel: &'a [T],
    out: &'a mut [MaybeUninit<T>],
    width: usize,
}

impl<T: Float, const K: usize> Kernel<T> for Square<'_, T, K> {
    type Output = ();

    /// Rows in groups, a group in pieces of two vectors or one.
    ///
    /// # Safety
    /// The sizes are those that [`square`] asserts; the machine has the instructions of `V`.
    #[inline(always)]
    unsafe fn run<V: Vector<T>>(self) {
        let Self { values, step, kernel, out, width } = self;
        for (group, out) in out.chunks_mut(ROWS * width).enumerate() {
            let rows = values[group * ROWS * step..].as_ptr();
            let mut at = 0;
            while at < width {
                let count = width - at;
                let to = out[at..].as_mut_ptr().cast::<T>();
                // SAFETY: a group of `R` rows has `R + K - 1` rows of values; no more than the spare elements are read behind
                // them, and `count` says how many outputs are left.
                unsafe {
                    let rows = rows.add(at);
                    if out.len() < ROWS * width {
                        for y in 0..out.len() / width {
                            some::<T, V, K, 1, 1>(
                                rows.add(y * step),
                                step,
                                kernel,
                                to.add(y * width),
                                width,
                                count,
                            );
                        }
                        at += V::LANES;
                    } else if count > V::LANES {
                        some::<T, V, K, 2, ROWS>(rows, step, kernel, to, width, count);
                        at += 2 * V::LANES;
                    } else {
                        some::<T, V, K, 1, ROWS>(rows, step, kernel, to, width, count);
                        at += V::LANES;
                    }
                }
            }
        }
    }
}

/// `R` rows of the first `count` of `N` vectors of outputs.
///
/// # Safety
/// Rows of values and outputs are as long as that; the machine has the instructions of `V`.
#[inline(always)]
#[allow(clippy::needless_range_loop, clippy::manual_memcpy)]
unsafe fn some<T: Float, V: Vector<T>, const K: usize, const N: usize, const R: usize>(
    rows: *const T,
    step: usize,
    kernel: &[T],
    to: *mut T,
    width: usize,
    count: usize,
) {
    // SAFETY: the caller's promises; kernel indices are below `K * K`.
    unsafe {
        let mut sums = [[V::splat(T::ZERO); N]; R];
        let mut tile = sums;
        for r in 0..R + K - 1 {
            for kx in 0..K {
                let row = rows.add(r * step + kx);
                let values: [V; N] = std::array::from_fn(|i| V::load(row.add(i * V::LANES), V::LANES));
                for y in 0..R {
                    if r >= y && r - y < K {
                        let weight = V::splat(*kernel.as_ptr().add((r - y) * K + kx));
                        for i in 0..N {
                            sums[y][i] = values[i].mul_add(weight, sums[y][i]);
                        }
                    }
                }
            }
        }
        // As in the matrix kernel: the sums stay in registers, as nothing asks for their address.
        for y in 0..R {
            for i in 0..N {
                tile[y][i] = sums[y][i];
            }
        }
        for (y, sums) in tile.iter().enumerate() {
            for (i, sum) in sums.iter().enumerate() {
                let left = count.saturating_sub(i * V::LANES).min(V::LANES);
                sum.store(to.add(y * width + i * V::LANES), left);
            }
        }
    }
}

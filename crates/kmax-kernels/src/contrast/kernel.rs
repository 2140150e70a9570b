//! The product of a tile of pairs: one factor read in vectors, of the other one value for each row, both as they lie.

use crate::cpu::{Float, Kernel, Vector, run};
use crate::matrix::{NARROW, ROWS, WIDE};

/// `out = left right`, or `out += left right`.
pub(super) struct Product<T> {
    /// Rows that count. The left factor is read in groups of [`ROWS`].
    pub rows: usize,
    /// Length of the sums.
    pub depth: usize,
    /// Panels of `matrix::width` columns.
    pub panels: usize,
    /// The left factor.
    pub left: *const T,
    /// Distance of its rows, and of the values of a row.
    pub left_steps: (usize, usize),
    /// The right factor: in each panel `depth` rows of `matrix::width` values.
    pub right: *const T,
    /// Distance of its panels, and of the rows of a panel.
    pub right_steps: (usize, usize),
    /// The result: `rows` rows of `panels` times `matrix::width` values.
    pub out: *mut T,
    /// Distance of its rows.
    pub out_step: usize,
    /// Whether the sums start from what `out` holds rather than from zero.
    pub add: bool,
}

/// Computes a [`Product`].
///
/// # Safety
/// Its pointers are valid for what it says of them, the left factor in whole groups of rows, and nobody else touches
/// its result meanwhile.
pub(super) unsafe fn multiply<T: Float>(product: &Product<T>) {
    // SAFETY: the caller's promises.
    unsafe { run(product) }
}

impl<T: Float> Kernel<T> for &Product<T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<T>>(self) {
        // SAFETY: the caller's promises.
        unsafe { if V::MANY { panels::<T, V, WIDE>(self) } else { panels::<T, V, NARROW>(self) } }
    }
}

/// # Safety
/// Those of [`multiply`]; the machine has the instructions of `V`.
#[inline(always)]
unsafe fn panels<T: Float, V: Vector<T>, const N: usize>(p: &Product<T>) {
    for panel in 0..p.panels {
        for row in (0..p.rows).step_by(ROWS) {
            // SAFETY: rows and panels lie within the factors and the result (caller's promise).
            unsafe {
                let left = p.left.add(row * p.left_steps.0);
                let right = p.right.add(panel * p.right_steps.0);
                let out = p.out.add(row * p.out_step + panel * N * V::LANES);
                sums::<T, V, N>(p, left, right, out, ROWS.min(p.rows - row));
            }
        }
    }
}

/// A group of rows with a panel.
///
/// # Safety
/// Those of [`panels`], at the places given, with `rows` rows that count.
#[inline(always)]
#[allow(clippy::needless_range_loop)]
unsafe fn sums<T: Float, V: Vector<T>, const N: usize>(
    p: &Product<T>,
    left: *const T,
    right: *const T,
    out: *mut T,
    rows: usize,
) {
    // SAFETY: the caller's promises.
    unsafe {
        // Loops of constant length with plain indices keep the sums in registers.
        let mut sums = [[V::splat(T::ZERO); N]; ROWS];
        let (across, along) = p.left_steps;
        let (mut left, mut right) = (left, right);
        for _ in 0..p.depth {
            let values: [V; N] = std::array::from_fn(|i| V::load(right.add(i * V::LANES), V::LANES));
            for j in 0..ROWS {
                let factor = V::splat(*left.add(j * across));
                for i in 0..N {
                    sums[j][i] = values[i].mul_add(factor, sums[j][i]);
                }
            }
            // Behind the last one there may be nothing.
            left = left.wrapping_add(along);
            right = right.wrapping_add(p.right_steps.1);
        }
        for j in 0..ROWS {
            for i in 0..N {
                if j < rows {
                    let out = out.add(j * p.out_step + i * V::LANES);
                    let mut sum = sums[j][i];
                    if p.add {
                        sum = sum.add(V::load(out, V::LANES));
                    }
                    sum.store(out, V::LANES);
                }
            }
        }
    }
}

//! Matrix products on one thread.

use crate::cpu::Float;
use gemm::Parallelism;

/// A matrix in a slice: element `(i, j)` lies at `i * rows + j * columns`.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a, T> {
    /// The elements.
    pub values: &'a [T],
    /// Distance of rows.
    pub rows: usize,
    /// Distance of columns.
    pub columns: usize,
}

impl<T> Matrix<'_, T> {
    fn holds(&self, rows: usize, columns: usize) -> bool {
        rows == 0 || columns == 0 || (rows - 1) * self.rows + (columns - 1) * self.columns < self.values.len()
    }
}

/// `dst = lhs rhs`, or with `add` `dst += lhs rhs`, for `lhs` `[m, k]`, `rhs` `[k, n]` and `dst` `[m, n]` with
/// consecutive columns and rows `dst_rows` apart.
///
/// # Safety
/// `dst` is valid for writes of that matrix, and nobody else touches its elements meanwhile.
pub(crate) unsafe fn product<T: Float>(
    (m, n, k): (usize, usize, usize),
    (dst, dst_rows): (*mut T, usize),
    add: bool,
    lhs: Matrix<T>,
    rhs: Matrix<T>,
) {
    assert!(lhs.holds(m, k) && rhs.holds(k, n), "a matrix product outside its factors");
    // SAFETY: both factors hold their matrices (asserted); `dst` by the caller's promise.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            dst,
            1,
            dst_rows as isize,
            add,
            lhs.values.as_ptr(),
            lhs.columns as isize,
            lhs.rows as isize,
            rhs.values.as_ptr(),
            rhs.columns as isize,
            rhs.rows as isize,
            T::ONE,
            T::ONE,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

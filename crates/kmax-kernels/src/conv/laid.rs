//! Maps whose rows are laid out as factors of a product.

use crate::cpu::{Columns, Float, Ranges, Stored, by_path};
use crate::matrix::{Bfloat16, Factor, width};
use half::bf16;

/// Maps of which units of `F` can be made.
pub(super) trait Laid<T: Float, F: Factor<T>>: Stored<T> {
    /// As [`Factor::take`].
    fn take(ranges: &mut Ranges, rows: &[&[Self]]);

    /// As [`Factor::spread`].
    fn spread(rows: &[&[Self]], columns: Columns, to: &mut [F::Unit], step: usize);
}

impl<T: Float, F: Factor<T>> Laid<T, F> for T {
    fn take(ranges: &mut Ranges, rows: &[&[T]]) {
        F::take(ranges, rows);
    }

    fn spread(rows: &[&[T]], columns: Columns, to: &mut [F::Unit], step: usize) {
        F::spread(rows, columns, to, step);
    }
}

/// Rounded already: pairs are put together as they are.
impl Laid<f32, Bfloat16> for bf16 {
    fn take(_: &mut Ranges, _: &[&[bf16]]) {}

    fn spread(rows: &[&[bf16]], _: Columns, to: &mut [u32], step: usize) {
        let (first, second) = (rows[0], rows.get(1).copied().unwrap_or_default());
        let wide = width::<f32>();
        by_path! { [] [] (first: &[bf16], second: &[bf16], to: &mut [u32], step: usize, wide: usize), I => {
            let pieces = first.chunks(wide).zip(to.chunks_mut(step));
            if second.is_empty() {
                for (first, to) in pieces {
                    for (to, first) in to.iter_mut().zip(first) {
                        *to = u32::from(first.to_bits());
                    }
                }
                return;
            }
            for ((first, to), second) in pieces.zip(second.chunks(wide)) {
                for ((to, first), second) in to.iter_mut().zip(first).zip(second) {
                    *to = u32::from(first.to_bits()) | u32::from(second.to_bits()) << 16;
                }
            }
        } }
    }
}

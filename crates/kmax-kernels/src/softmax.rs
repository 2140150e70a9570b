//! Softmax.

use crate::columns::{Columns, Lanes, WIDTH, total};
use crate::cpu::{
    Float, Isa, all_written, by_dtype, elements, has_kernel, hold, in_float32, simd_fn, with_dtype,
};
use crate::error::{Error, Result};
use crate::gpu::{one_launched, takes};
use crate::profile;
use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor};
use std::mem::MaybeUninit;

/// Softmax over `axis`, with its gradient.
///
/// # Errors
/// If the axis does not exist or is empty.
pub fn softmax(x: &Tensor, axis: usize) -> Result<Tensor> {
    let columns = Columns::new(x.dims(), axis)?;
    if columns.length == 0 {
        return Err(Error::Argument(format!("softmax over the empty axis {axis} of {:?}", x.dims())));
    }
    if takes(x) && !x.track_op() {
        let run = || one_launched(&columns.launch("softmax"), &[&x.contiguous()?], x.shape());
        return profile::pass("softmax", &[x], run);
    }
    if !has_kernel(x) {
        return in_float32(x, |x| {
            let shifted = x.broadcast_sub(&x.max_keepdim(axis)?.detach())?.exp()?;
            Ok(shifted.broadcast_div(&shifted.sum_keepdim(axis)?)?)
        });
    }
    profile::pass("softmax", &[x], || Ok(x.contiguous()?.apply_op1(Softmax(columns))?))
}

struct Softmax(Columns);

impl CustomOp1 for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        by_dtype!(x, T => {
            let x = elements::<T>(x, layout)?;
            let out = if self.0.is_last() { self.0.each_row([x], |[x], y| row_forward(x, y)) } else { self.0.map([x], 0, |[rows], _, _| forward(rows)).0 };
            (out, layout.shape().clone())
        })
    }

    fn bwd(&self, x: &Tensor, y: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        let grad = grad.contiguous()?;
        let (y, grad) = (hold(y), hold(&grad));
        with_dtype!(x, T => {
            let inputs = [grad.elements::<T>()?, y.elements::<T>()?];
            let out = if self.0.is_last() { self.0.each_row(inputs, |[grad, y], out| row_backward(grad, y, out)) } else { self.0.map(inputs, 0, |[grad, y], _, _| backward(grad, y)).0 };
            Ok(Some(Tensor::from_vec(out, x.shape(), x.device())?))
        })
    }
}

simd_fn! {
    fn forward[I, T](rows: &mut [Lanes<T>]) {
        let Some(mut most) = rows.first().copied() else { return };
        for row in rows.iter() {
            for (most, x) in most.iter_mut().zip(row) {
                *most = most.maximum(*x);
            }
        }
        let sums = total(rows.len(), |i, part: &mut Lanes<T>| {
            for ((x, most), part) in rows[i].iter_mut().zip(&most).zip(part) {
                *x = (*x - *most).exponential::<I>();
                *part += *x;
            }
        });
        let factors = sums.map(|sum| T::ONE / sum);
        for row in rows {
            row.iter_mut().zip(&factors).for_each(|(x, factor)| *x *= *factor);
        }
    }
}

simd_fn! {
    /// `grad = y (grad - sum of grad y)`.
    fn backward[I, T](grad: &mut [Lanes<T>], y: &[Lanes<T>]) {
        let sums = total(y.len(), |i, part: &mut Lanes<T>| {
            for k in 0..WIDTH {
                part[k] = I::mul_add(grad[i][k], y[i][k], part[k]);
            }
        });
        for (grad, y) in grad.iter_mut().zip(y) {
            for ((grad, y), sum) in grad.iter_mut().zip(y).zip(&sums) {
                *grad = *y * (*grad - *sum);
            }
        }
    }
}

/// Lanes of a row.
const N: usize = 32;
/// Elements of a row whose terms are added in the element type.
const PIECE: usize = 2048;

simd_fn! {
    fn row_forward[I, T](x: &[T], y: &mut [MaybeUninit<T>]) {
        let mut lanes = [x[0]; N];
        let mut chunks = x.chunks_exact(N);
        for chunk in &mut chunks {
            for (most, x) in lanes.iter_mut().zip(chunk) {
                *most = most.maximum(*x);
            }
        }
        let most = lanes.iter().chain(chunks.remainder()).fold(x[0], |most, x| most.maximum(*x));
        assert_eq!(x.len(), y.len());
        for (y, x) in y.iter_mut().zip(x) {
            y.write((*x - most).exponential::<I>());
        }
        // SAFETY: there are as many as of `x`, and each was written.
        let y = unsafe { all_written(y) };
        let factor = T::of(1.0 / row_dot::<I, T>(y, None));
        y.iter_mut().for_each(|y| *y *= factor);
    }
}

simd_fn! {
    /// `out = y (grad - sum of grad y)`.
    fn row_backward[I, T](grad: &[T], y: &[T], out: &mut [MaybeUninit<T>]) {
        let sum = T::of(row_dot::<I, T>(y, Some(grad)));
        for ((out, grad), y) in out.iter_mut().zip(grad).zip(y) {
            out.write(*y * (*grad - sum));
        }
    }
}

/// The sum of `a b`, or of `a` alone.
#[inline(always)]
fn row_dot<I: Isa, T: Float>(a: &[T], b: Option<&[T]>) -> f64 {
    let mut total = 0.0;
    for start in (0..a.len()).step_by(PIECE) {
        let end = a.len().min(start + PIECE);
        let a = &a[start..end];
        let mut lanes = [T::ZERO; N];
        let whole = a.len() / N * N;
        match b.map(|b| &b[start..end]) {
            Some(b) => {
                for (a, b) in a.chunks_exact(N).zip(b.chunks_exact(N)) {
                    for k in 0..N {
                        lanes[k] = I::mul_add(a[k], b[k], lanes[k]);
                    }
                }
                total += a[whole..].iter().zip(&b[whole..]).map(|(a, b)| (*a * *b).wide()).sum::<f64>();
            }
            None => {
                for a in a.chunks_exact(N) {
                    lanes.iter_mut().zip(a).for_each(|(lane, a)| *lane += *a);
                }
                total += a[whole..].iter().map(|a| a.wide()).sum::<f64>();
            }
        }
        total += lanes.iter().map(|lane| lane.wide()).sum::<f64>();
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check_gradients, random};
    use candle_core::{DType, Device};

    /// By Candle's operations.
    fn by_hand(x: &Tensor, axis: usize) -> Result<Tensor> {
        let powers = x.broadcast_sub(&x.max_keepdim(axis)?)?.exp()?;
        Ok(powers.broadcast_div(&powers.sum_keepdim(axis)?)?)
    }

    #[test]
    fn every_axis_equals_candle_and_the_differences() -> Result<()> {
        for shape in [&[5][..], &[3, 81], &[70, 3], &[2, 5, 3, 23], &[1, 33, 9, 8], &[2, 1, 1]] {
            let x = (random(1, shape)? * 5.0)?;
            for axis in 0..shape.len() {
                let expected = by_hand(&x, axis)?;
                assert_close(&softmax(&x, axis)?, &expected, 1e-14);
                let single = softmax(&x.to_dtype(DType::F32)?, axis)?.to_dtype(DType::F64)?;
                assert_close(&single, &expected, 1e-6);
                check_gradients(std::slice::from_ref(&x), |v| softmax(&v[0], axis))?;
            }
            let view = x.t().and_then(|t| t.t()?.contiguous()?.t()).unwrap_or(x);
            assert_close(&softmax(&view, 0)?, &by_hand(&view, 0)?, 1e-14);
        }
        Ok(())
    }

    #[test]
    fn extremes_stay_finite_and_empty_axes_are_refused() -> Result<()> {
        let x = Tensor::new(&[1e4f32, -1e4, f32::NEG_INFINITY, 1e4], &Device::Cpu)?;
        assert_eq!(softmax(&x, 0)?.to_vec1::<f32>()?, [0.5, 0.0, 0.0, 0.5]);
        let empty = Tensor::zeros((2, 0), DType::F32, &Device::Cpu)?;
        assert!(softmax(&empty, 1).is_err() && softmax(&x, 1).is_err());
        assert_eq!(softmax(&empty, 0)?.dims(), [2, 0]);
        Ok(())
    }
}

//! Division by the Euclidean norm.

use crate::columns::{Columns, Lanes, WIDTH, total};
use crate::constants::scalar;
use crate::cpu::{Float, by_dtype, elements, has_kernel, hold, in_float32, simd_fn, with_dtype};
use crate::error::Result;
use crate::gpu::{one_launched, takes};
use crate::profile;
use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor};

/// `x / max(|x|, eps)` with the Euclidean norm over `axis`. Differentiable.
///
/// # Errors
/// If the axis does not exist.
pub fn l2_normalize(x: &Tensor, axis: usize, eps: f64) -> Result<Tensor> {
    let columns = Columns::new(x.dims(), axis)?;
    if has_kernel(x) {
        let op = Normalise { columns, eps };
        return profile::pass("l2 norm", &[x], || Ok(x.contiguous()?.apply_op1(op)?));
    }
    if takes(x) && !x.track_op() {
        let launch = columns.launch("l2_norm").floats([eps as f32]);
        return profile::pass("l2 norm", &[x], || one_launched(&launch, &[&x.contiguous()?], x.shape()));
    }
    in_float32(x, |x| {
        let square = x.sqr()?.sum_keepdim(axis)?;
        // The maximum is taken before the root, whose derivative is infinite at zero.
        let least = scalar(x.device(), eps * eps, x.dtype())?;
        let norm = square.broadcast_maximum(&least)?.sqrt()?;
        Ok(x.broadcast_div(&norm)?)
    })
}

struct Normalise {
    columns: Columns,
    eps: f64,
}

impl CustomOp1 for Normalise {
    fn name(&self) -> &'static str {
        "l2-normalise"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        by_dtype!(x, T => {
            let (x, eps) = (elements::<T>(x, layout)?, T::of(self.eps));
            (self.columns.map([x], 0, |[rows], _, _| forward(rows, eps)).0, layout.shape().clone())
        })
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        let grad = grad.contiguous()?;
        let (hx, hd) = (hold(x), hold(&grad));
        with_dtype!(x, T => {
            let (inputs, eps) = ([hd.elements::<T>()?, hx.elements::<T>()?], T::of(self.eps));
            let (out, _) = self.columns.map(inputs, 0, |[grad, x], _, _| backward(grad, x, eps));
            Ok(Some(Tensor::from_vec(out, x.shape(), x.device())?))
        })
    }
}

#[inline(always)]
fn norms<T: Float>(rows: &[Lanes<T>]) -> Lanes<T> {
    let squares = total(rows.len(), |i, part: &mut Lanes<T>| {
        part.iter_mut().zip(&rows[i]).for_each(|(part, x)| *part += *x * *x);
    });
    squares.map(Float::root)
}

simd_fn! {
    fn forward[I, T](rows: &mut [Lanes<T>], eps: T) {
        let factors = norms(rows).map(|norm| T::ONE / norm.maximum(eps));
        for row in rows {
            row.iter_mut().zip(&factors).for_each(|(x, factor)| *x *= *factor);
        }
    }
}

simd_fn! {
    /// `grad = (grad - y sum of grad y) / norm`, without the second term where `eps` took the norm's place.
    fn backward[I, T](grad: &mut [Lanes<T>], x: &[Lanes<T>], eps: T) {
        let norms = norms(x);
        let sums = total(x.len(), |i, part: &mut Lanes<T>| {
            for k in 0..WIDTH {
                part[k] = I::mul_add(grad[i][k], x[i][k], part[k]);
            }
        });
        let factors = norms.map(|norm| T::ONE / norm.maximum(eps));
        let mut slopes = [T::ZERO; WIDTH];
        for k in 0..WIDTH {
            let slope = sums[k] * factors[k] * factors[k];
            slopes[k] = if norms[k] > eps { slope } else { T::ZERO };
        }
        for (grad, x) in grad.iter_mut().zip(x) {
            for k in 0..WIDTH {
                grad[k] = (grad[k] - x[k] * slopes[k]) * factors[k];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check_gradients, random};
    use candle_core::{DType, Device};

    #[test]
    fn every_axis_equals_the_composed_form_and_the_differences() -> Result<()> {
        for shape in [&[6][..], &[3, 70], &[2, 5, 3, 23], &[1, 90, 7, 9]] {
            for axis in 0..shape.len() {
                let x = random(1, shape)?;
                let expected = x.broadcast_div(&x.sqr()?.sum_keepdim(axis)?.sqrt()?)?;
                assert_close(&l2_normalize(&x, axis, 1e-12)?, &expected, 1e-14);
                let single = l2_normalize(&x.to_dtype(DType::F32)?, axis, 1e-12)?;
                assert_close(&single.to_dtype(DType::F64)?, &expected, 1e-6);
                check_gradients(std::slice::from_ref(&x), |v| l2_normalize(&v[0], axis, 1e-12))?;
                // A floor above every norm: a mere division.
                check_gradients(&[x], |v| l2_normalize(&v[0], axis, 100.0))?;
            }
        }
        let zeros = Tensor::zeros((2, 3), DType::F32, &Device::Cpu)?;
        assert_eq!(l2_normalize(&zeros, 1, 1e-12)?.to_vec2::<f32>()?, [[0.0; 3]; 2]);
        Ok(())
    }
}

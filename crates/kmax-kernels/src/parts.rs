//! Sums of the parts of an axis.

use crate::cpu::{Float, by_dtype, copied, elements, has_kernel, hold, with_dtype, written};
use crate::error::{Error, Result};
use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor};
use rayon::prelude::*;
use std::mem::MaybeUninit;

/// The sum of `parts` parts of axis 1: `[b, parts * n, …]` to `[b, n, …]`. Differentiable.
///
/// # Errors
/// If the parts do not divide the axis.
pub fn sum_parts(x: &Tensor, parts: usize) -> Result<Tensor> {
    let [batch, axis, rest @ ..] = x.dims() else {
        return Err(Error::Argument(format!("a sum of parts wants two axes at least, not {:?}", x.dims())));
    };
    if parts == 0 || !axis.is_multiple_of(parts) {
        return Err(Error::Argument(format!("{parts} parts do not divide an axis of {axis}")));
    }
    let mut shape = vec![*batch, axis / parts];
    shape.extend(rest);
    if has_kernel(x) {
        return Ok(x.contiguous()?.apply_op1(Sum { parts, shape: shape.into() })?);
    }
    let inner = shape[1..].iter().product::<usize>();
    Ok(x.reshape((*batch, parts, inner))?.sum(1)?.reshape(shape)?)
}

struct Sum {
    parts: usize,
    shape: Shape,
}

impl Sum {
    /// Elements of a part of one sample.
    fn part(&self) -> usize {
        self.shape.dims()[1..].iter().product::<usize>()
    }
}

impl CustomOp1 for Sum {
    fn name(&self) -> &'static str {
        "sum-of-parts"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        by_dtype!(x, T => (sum::<T>(elements(x, layout)?, self.part(), self.parts), self.shape.clone()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        let grad = grad.contiguous()?;
        let held = hold(&grad);
        with_dtype!(x, T => {
            let values = repeat::<T>(held.elements()?, self.part(), self.parts);
            Ok(Some(Tensor::from_vec(values, x.shape(), x.device())?))
        })
    }
}

fn sum<T: Float>(x: &[T], part: usize, parts: usize) -> Vec<T> {
    let fill = |out: &mut [MaybeUninit<T>]| {
        let samples = out.par_chunks_exact_mut(part.max(1)).zip(x.par_chunks_exact((part * parts).max(1)));
        samples.for_each(|(out, x)| {
            let (first, others) = x.split_at(part);
            let out = copied(out, first);
            for x in others.chunks_exact(part) {
                out.iter_mut().zip(x).for_each(|(out, x)| *out += *x);
            }
        });
    };
    // SAFETY: the samples tile the buffer, and each is copied in full before it is added to.
    unsafe { written(x.len() / parts, fill) }
}

fn repeat<T: Float>(grad: &[T], part: usize, parts: usize) -> Vec<T> {
    let fill = |out: &mut [MaybeUninit<T>]| {
        let samples = out.par_chunks_exact_mut((part * parts).max(1)).zip(grad.par_chunks_exact(part.max(1)));
        samples.for_each(|(out, grad)| {
            for out in out.chunks_exact_mut(part) {
                copied(out, grad);
            }
        });
    };
    // SAFETY: the samples tile the buffer, and each is written in full.
    unsafe { written(grad.len() * parts, fill) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check_gradients, random};
    use candle_core::DType;

    #[test]
    fn parts_are_summed_and_their_gradients_are_the_sums() -> Result<()> {
        let x = random(1, &[3, 6, 2, 5])?;
        for parts in [1, 2, 3, 6] {
            let expected = x.reshape((3, parts, 6 / parts, 2, 5))?.sum(1)?;
            assert_close(&sum_parts(&x, parts)?, &expected, 1e-15);
            let single = sum_parts(&x.to_dtype(DType::F32)?, parts)?.to_dtype(DType::F64)?;
            assert_close(&single, &expected, 1e-6);
            check_gradients(std::slice::from_ref(&x), |v| sum_parts(&v[0], parts))?;
        }
        let view = random(2, &[5, 4, 2])?.transpose(0, 2)?;
        assert_close(&sum_parts(&view, 2)?, &view.contiguous()?.reshape((2, 2, 2, 5))?.sum(1)?, 1e-15);
        assert_eq!(sum_parts(&random(1, &[2, 4, 0])?, 2)?.dims(), [2, 2, 0]);
        assert!(
            sum_parts(&x, 4).is_err()
                && sum_parts(&x, 0).is_err()
                && sum_parts(&random(1, &[2])?, 1).is_err()
        );
        Ok(())
    }
}

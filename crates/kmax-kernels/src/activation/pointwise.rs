//! Activations.

use super::Activation;
use super::device::activated;
use crate::constants::scalar;
use crate::cpu::{
    Float, Isa, Stored, by_dtype, copied, elements, has_map_kernel, hold, simd_fn, with_buffer, with_dtype,
    wrap, written,
};
use crate::error::Result;
use crate::gpu::takes;
use crate::profile;
use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor};
use half::bf16;
use rayon::prelude::*;
use std::mem::MaybeUninit;

/// `max(x, 0)`, with derivative 0 at 0 as in PyTorch and TensorFlow (Candle's own has 1).
///
/// # Errors
/// If Candle fails.
pub fn relu(x: &Tensor) -> Result<Tensor> {
    if has_map_kernel(x) {
        return pointwise(x, Activation::Relu);
    }
    if takes(x) {
        return activated(x, Activation::Relu);
    }
    if !x.track_op() {
        return Ok(x.relu()?);
    }
    let zeros = x.zeros_like()?;
    Ok(x.gt(&zeros)?.where_cond(x, &zeros)?)
}

/// The exact GELU, `x (1 + erf(x / sqrt 2)) / 2`.
///
/// # Errors
/// If Candle fails.
pub fn gelu(x: &Tensor) -> Result<Tensor> {
    if has_map_kernel(x) {
        return pointwise(x, Activation::Gelu);
    }
    if takes(x) {
        return activated(x, Activation::Gelu);
    }
    if !x.track_op() {
        return Ok(x.gelu_erf()?);
    }
    // Candle's derivative of `gelu_erf` has a constant of six digits; that of `erf` is exact.
    let cdf = ((x * std::f64::consts::FRAC_1_SQRT_2)?.erf()? * 0.5)?;
    Ok((x * (cdf + 0.5)?)?)
}

/// `min(max(x, 0), 6)`, with derivative 0 at both ends.
///
/// # Errors
/// If Candle fails.
pub fn relu6(x: &Tensor) -> Result<Tensor> {
    if has_map_kernel(x) {
        return pointwise(x, Activation::Relu6);
    }
    if takes(x) {
        return activated(x, Activation::Relu6);
    }
    let six = scalar(x.device(), 6.0, x.dtype())?;
    let saturated = x.detach().relu()?.broadcast_minimum(&six)?;
    if !x.track_op() {
        return Ok(saturated);
    }
    // What the limits did not change; zero is among it, but for its slope.
    let inside = x.gt(&x.zeros_like()?)?.mul(&x.broadcast_lt(&six)?)?;
    Ok(inside.where_cond(x, &saturated)?)
}

fn pointwise(x: &Tensor, activation: Activation) -> Result<Tensor> {
    profile::pass("activation", &[x], || Ok(x.contiguous()?.apply_op1(Pointwise(activation))?))
}

/// Elements of one parallel piece.
const PIECE: usize = 16 * 1024;

struct Pointwise(Activation);

impl CustomOp1 for Pointwise {
    fn name(&self) -> &'static str {
        "activation"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        if let CpuStorage::BF16(_) = x {
            let x = elements::<bf16>(x, layout)?;
            let fill = |out: &mut [MaybeUninit<bf16>]| {
                let pieces = out.par_chunks_mut(PIECE).zip(x.par_chunks(PIECE));
                pieces.for_each(|(out, x)| {
                    with_buffer(x.len(), |values: &mut [f32]| {
                        bf16::widen(x, values);
                        activate(self.0, values, 0.0);
                        bf16::narrow(values, out);
                    });
                });
            };
            // SAFETY: the pieces tile the buffer and each is written in full.
            return wrap((unsafe { written(x.len(), fill) }, layout.shape().clone()));
        }
        by_dtype!(x, T => {
            let x = elements::<T>(x, layout)?;
            let fill = |out: &mut [MaybeUninit<T>]| {
                let pieces = out.par_chunks_mut(PIECE).zip(x.par_chunks(PIECE));
                pieces.for_each(|(out, x)| activate(self.0, copied(out, x), T::ZERO));
            };
            // SAFETY: the pieces tile the buffer and each is copied in full.
            (unsafe { written(x.len(), fill) }, layout.shape().clone())
        })
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        let grad = grad.contiguous()?;
        let (hx, hd) = (hold(x), hold(&grad));
        with_dtype!(x, T => {
            let out = activation_gradient::<T>(self.0, hx.elements()?, hd.elements()?);
            Ok(Some(Tensor::from_vec(out, x.shape(), x.device())?))
        })
    }
}

simd_fn! {
    /// `row = activation(row + bias)`; NaN stays NaN.
    pub(crate) fn activate[I, T](activation: Activation, row: &mut [T], bias: T) {
        let (positive, six) = (|x| if x < T::ZERO { T::ZERO } else { x }, T::of(6.0));
        match activation {
            Activation::Identity => row.iter_mut().for_each(|x| *x += bias),
            Activation::Relu => row.iter_mut().for_each(|x| *x = positive(*x + bias)),
            Activation::Relu6 => row.iter_mut().for_each(|x| {
                let y = positive(*x + bias);
                *x = if y > six { six } else { y };
            }),
            // A loop rather than a closure: long closures are not inlined, and lose the instruction set.
            Activation::Gelu => {
                for x in row {
                    *x = (*x + bias).gelu::<I>();
                }
            }
        }
    }
}

/// The derivative of GELU: the distribution function and `x` times the density.
#[inline(always)]
pub(crate) fn gelu_slope<I: Isa, T: Float>(x: T) -> T {
    const ROOT: f64 = 0.5 * std::f64::consts::FRAC_2_SQRT_PI * std::f64::consts::FRAC_1_SQRT_2;
    let density = T::of(ROOT) * (T::of(-0.5) * x * x).exponential::<I>();
    I::mul_add(x, density, x.normal_cdf::<I>())
}

/// The gradient of `x` for the gradient of `activation(x)`.
pub(crate) fn activation_gradient<T: Float>(activation: Activation, x: &[T], grad: &[T]) -> Vec<T> {
    let fill = |out: &mut [MaybeUninit<T>]| {
        let pieces = out.par_chunks_mut(PIECE).zip(x.par_chunks(PIECE)).zip(grad.par_chunks(PIECE));
        pieces.for_each(|((out, x), grad)| slope(activation, x, grad, out));
    };
    // SAFETY: the pieces tile the buffer and `slope` writes each in full.
    unsafe { written(x.len(), fill) }
}

simd_fn! {
    /// `out = grad * activation'(x)`.
    fn slope[I, T](activation: Activation, x: &[T], grad: &[T], out: &mut [MaybeUninit<T>]) {
        let six = T::of(6.0);
        if activation == Activation::Identity {
            copied(out, grad);
            return;
        }
        let all = out.iter_mut().zip(x).zip(grad);
        match activation {
            Activation::Identity => {}
            Activation::Relu => all.for_each(|((out, x), grad)| {
                out.write(if *x > T::ZERO { *grad } else { T::ZERO });
            }),
            Activation::Relu6 => all.for_each(|((out, x), grad)| {
                out.write(if *x > T::ZERO && *x < six { *grad } else { T::ZERO });
            }),
            Activation::Gelu => {
                for ((out, x), grad) in all {
                    out.write(*grad * gelu_slope::<I, T>(*x));
                }
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
    fn activations_equal_candle_and_their_gradients_the_differences() -> Result<()> {
        let x = (random(1, &[3, 7, 11])? * 4.0)?;
        let view = x.transpose(0, 2)?;
        for (activation, expected) in [
            (Activation::Relu, x.relu()?),
            (Activation::Relu6, x.clamp(0.0, 6.0)?),
            (Activation::Gelu, x.gelu_erf()?),
        ] {
            assert_close(&activation.forward(&x)?, &expected, 1e-14);
            assert_close(&activation.forward(&view)?, &expected.transpose(0, 2)?, 1e-14);
            let single = activation.forward(&x.to_dtype(DType::F32)?)?.to_dtype(DType::F64)?;
            assert_close(&single, &expected, 2e-7);
            check_gradients(std::slice::from_ref(&x), |v| activation.forward(&v[0]))?;
        }
        Ok(())
    }

    #[test]
    fn slopes_vanish_at_the_kinks_and_nan_stays() -> Result<()> {
        let x = candle_core::Var::new(&[0f64, 6.0, 3.0, -1.0, 7.0], &Device::Cpu)?;
        let slopes = |y: Tensor| -> Result<Vec<f64>> {
            let grads = y.sum_all()?.backward()?;
            Ok(grads.get(x.as_tensor()).map(Tensor::to_vec1).transpose()?.unwrap_or_default())
        };
        assert_eq!(slopes(relu(x.as_tensor())?)?, [0.0, 1.0, 1.0, 0.0, 1.0]);
        assert_eq!(slopes(relu6(x.as_tensor())?)?, [0.0, 0.0, 1.0, 0.0, 0.0]);
        let nan = Tensor::new(&[f32::NAN], &Device::Cpu)?;
        for activation in [Activation::Relu, Activation::Relu6, Activation::Gelu] {
            assert!(activation.forward(&nan)?.to_vec1::<f32>()?[0].is_nan());
        }
        assert_eq!(relu(&Tensor::zeros((0, 3), DType::F32, &Device::Cpu)?)?.dims(), [0, 3]);
        Ok(())
    }
}

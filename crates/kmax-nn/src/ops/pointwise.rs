//! Activations and softmax.

use super::real::Real;
use crate::Result;
use crate::layers::Activation;
use candle_core::Tensor;

/// `max(x, 0)`, with derivative 0 at 0 as in PyTorch and TensorFlow (Candle's own has 1).
///
/// # Errors
/// If Candle fails.
pub fn relu(x: &Tensor) -> Result<Tensor> {
    let positive = x.gt(0.0)?;
    Ok(positive.where_cond(x, &x.zeros_like()?)?)
}

/// The exact GELU, `x (1 + erf(x / sqrt 2)) / 2`.
///
/// # Errors
/// If Candle fails.
pub fn gelu(x: &Tensor) -> Result<Tensor> {
    Ok(x.gelu_erf()?)
}

/// Softmax over `axis`, with its gradient.
///
/// # Errors
/// If the axis does not exist.
pub fn softmax(x: &Tensor, axis: usize) -> Result<Tensor> {
    let shifted = x.broadcast_sub(&x.max_keepdim(axis)?.detach())?.exp()?;
    Ok(shifted.broadcast_div(&shifted.sum_keepdim(axis)?)?)
}

/// `min(max(x, 0), 6)`, with derivative 0 at both ends.
///
/// # Errors
/// If Candle fails.
pub fn relu6(x: &Tensor) -> Result<Tensor> {
    let inside = x.gt(0.0)?.mul(&x.lt(6.0)?)?;
    let saturated = x.detach().clamp(0.0, 6.0)?;
    Ok(inside.where_cond(x, &saturated)?)
}

/// `row = activation(row + bias)`; NaN stays NaN.
pub(crate) fn activate<T: Real>(activation: Activation, row: &mut [T], bias: T) {
    let (positive, six) = (|x| if x < T::ZERO { T::ZERO } else { x }, T::of(6.0));
    match activation {
        Activation::Identity => row.iter_mut().for_each(|x| *x += bias),
        Activation::Relu => row.iter_mut().for_each(|x| *x = positive(*x + bias)),
        Activation::Relu6 => row.iter_mut().for_each(|x| {
            let y = positive(*x + bias);
            *x = if y > six { six } else { y };
        }),
        Activation::Gelu => row.iter_mut().for_each(|x| *x = gelu_of(*x + bias)),
    }
}

fn gelu_of<T: Real>(x: T) -> T {
    T::of(0.5)
        * x
        * (T::ONE + T::of(candle_core::cpu::erf::erf_f64(x.wide() * std::f64::consts::FRAC_1_SQRT_2)))
}

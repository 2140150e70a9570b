//! Activations and softmax.

use crate::Result;
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

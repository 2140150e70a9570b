//! Softmax.

use crate::Result;
use candle_core::Tensor;

/// Softmax over `axis`, with its gradient.
///
/// # Errors
/// If the axis does not exist.
pub fn softmax(x: &Tensor, axis: usize) -> Result<Tensor> {
    let shifted = x.broadcast_sub(&x.max_keepdim(axis)?.detach())?.exp()?;
    Ok(shifted.broadcast_div(&shifted.sum_keepdim(axis)?)?)
}

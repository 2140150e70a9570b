//! Normalisations.

mod batch;
mod batch_kernels;

pub use batch::{TrainedNorm, batch_norm, batch_norm_train, channel_affine};

use crate::Result;
use candle_core::Tensor;

/// Layer norm over axis `axis` of `x`, with `gain` and `shift` of that axis' length.
///
/// # Errors
/// If the shapes do not fit.
pub fn layer_norm(x: &Tensor, axis: usize, gain: &Tensor, shift: &Tensor, eps: f64) -> Result<Tensor> {
    let mut shape = vec![1; x.rank()];
    shape[axis] = x.dim(axis)?;
    let centred = x.broadcast_sub(&x.mean_keepdim(axis)?)?;
    let variance = centred.sqr()?.mean_keepdim(axis)?;
    let normalised = centred.broadcast_div(&(variance + eps)?.sqrt()?)?;
    Ok(normalised.broadcast_mul(&gain.reshape(shape.as_slice())?)?.broadcast_add(&shift.reshape(shape)?)?)
}

/// `x / max(|x|, eps)` with the Euclidean norm over `axis`.
///
/// # Errors
/// If the axis does not exist.
pub fn l2_normalize(x: &Tensor, axis: usize, eps: f64) -> Result<Tensor> {
    let square = x.sqr()?.sum_keepdim(axis)?;
    // The maximum is taken before the root, whose derivative is infinite at zero.
    let norm = square.maximum(eps * eps)?.sqrt()?;
    Ok(x.broadcast_div(&norm)?)
}

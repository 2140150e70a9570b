//! Normalisations.

use crate::Result;
use candle_core::Tensor;

/// Mean and biased variance per channel (axis 1) over all other axes: each `[channels]`. Differentiable.
///
/// # Errors
/// If `x` has fewer than two axes.
pub fn batch_statistics(x: &Tensor) -> Result<(Tensor, Tensor)> {
    let channels = x.dim(1)?;
    let rows = x.transpose(0, 1)?.contiguous()?.reshape((channels, ()))?;
    let mean = rows.mean_keepdim(1)?;
    let variance = rows.broadcast_sub(&mean)?.sqr()?.mean(1)?;
    Ok((mean.squeeze(1)?, variance))
}

/// `(x - mean) / sqrt(variance + eps) * gain + shift` per channel (axis 1); the four are `[channels]`.
///
/// # Errors
/// If the shapes do not fit.
pub fn batch_norm(
    x: &Tensor,
    mean: &Tensor,
    variance: &Tensor,
    gain: &Tensor,
    shift: &Tensor,
    eps: f64,
) -> Result<Tensor> {
    let mut shape = vec![1; x.rank()];
    shape[1] = x.dim(1)?;
    let scale = (gain / (variance + eps)?.sqrt()?)?;
    let offset = (shift - (mean * &scale)?)?;
    Ok(x.broadcast_mul(&scale.reshape(shape.as_slice())?)?.broadcast_add(&offset.reshape(shape)?)?)
}

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

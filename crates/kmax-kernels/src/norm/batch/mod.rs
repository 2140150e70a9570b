//! Batch normalisation: statistics, the affine map per channel, and the whole training step.

mod affine;
mod kernels;
mod train;

use crate::activation::{Activation, Pass};
use crate::cpu::has_kernel;
use crate::error::{Error, Result};
use crate::gpu::takes;
use crate::profile;
use crate::ranks::{Ranks, across};
use affine::Affine;
use candle_core::{DType, Tensor};
pub(crate) use train::Train;

/// Batch, channels and elements per channel and image of `x`.
fn planes(x: &Tensor) -> Result<(usize, usize, usize)> {
    match x.dims() {
        [batch, channels, rest @ ..] => Ok((*batch, *channels, rest.iter().product())),
        _ => Err(Error::Argument(format!("batch norm wants [batch, channels, …], not {:?}", x.dims()))),
    }
}

fn check_channels(channels: usize, tensors: &[&Tensor]) -> Result<()> {
    match tensors.iter().find(|t| t.dims() != [channels]) {
        Some(t) => Err(Error::Argument(format!("batch norm: {:?} instead of [{channels}]", t.dims()))),
        None => Ok(()),
    }
}

/// Whether a kernel of a GPU takes these: `x`, and what it is multiplied and added with.
fn on_device(tensors: &[&Tensor; 3]) -> bool {
    takes(tensors[0]) && !tensors.iter().any(|t| t.track_op())
}

/// `x * scale + offset` per channel (axis 1); both `[channels]`. Differentiable in all three.
///
/// # Errors
/// If the shapes do not fit.
pub fn channel_affine(x: &Tensor, scale: &Tensor, offset: &Tensor) -> Result<Tensor> {
    let (_, channels, _) = planes(x)?;
    check_channels(channels, &[scale, offset])?;
    if on_device(&[x, scale, offset]) {
        return channel_affine_activated(x, scale, offset, Activation::Identity);
    }
    if !has_kernel(x) {
        let mut shape = vec![1; x.rank()];
        shape[1] = channels;
        return Ok(x
            .broadcast_mul(&scale.reshape(shape.as_slice())?)?
            .broadcast_add(&offset.reshape(shape)?)?);
    }
    profile::pass("batch norm", &[x], || {
        Ok(x.contiguous()?.apply_op3(&scale.contiguous()?, &offset.contiguous()?, Affine)?)
    })
}

/// [`channel_affine`] with an activation behind it: one launch on a GPU.
///
/// # Errors
/// If the shapes do not fit.
pub fn channel_affine_activated(
    x: &Tensor,
    scale: &Tensor,
    offset: &Tensor,
    activation: Activation,
) -> Result<Tensor> {
    if on_device(&[x, scale, offset]) {
        check_channels(planes(x)?.1, &[scale, offset])?;
        let pass = Pass { scale: Some(scale), bias: Some(offset), activation, ..Pass::default() };
        return profile::pass("batch norm", &[x], || pass.run(&x.contiguous()?));
    }
    activation.forward(&channel_affine(x, scale, offset)?)
}

/// `(x - mean) / sqrt(variance + eps) * gain + shift` per channel (axis 1); the four are `[channels]`.
/// Differentiable in all five.
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
    check_channels(planes(x)?.1, &[mean, variance, gain, shift])?;
    let scale = (gain / (variance + eps)?.sqrt()?)?;
    let offset = (shift - (mean * &scale)?)?;
    channel_affine(x, &scale, &offset)
}

/// How a batch norm takes a step of training.
#[derive(Debug, Clone)]
pub struct NormStep {
    /// Added to the variance.
    pub eps: f64,
    /// What follows the norm.
    pub activation: Activation,
    /// Those whose images make up the batch, as many on each.
    pub ranks: Ranks,
}

impl NormStep {
    /// Of one process.
    pub fn new(eps: f64, activation: Activation) -> Self {
        Self { eps, activation, ranks: Ranks::single() }
    }
}

/// What [`batch_norm_train`] gives.
#[derive(Debug, Clone)]
pub struct TrainedNorm {
    /// The normalised and activated `x`.
    pub output: Tensor,
    /// Mean of each channel, `[channels]`, without gradient.
    pub mean: Tensor,
    /// Biased variance of each channel, `[channels]`, without gradient.
    pub variance: Tensor,
}

/// Batch norm with the batch's own statistics (biased variance) over all axes but 1 and over all ranks, and the activation behind
/// it. Differentiable in `x`, `gain` and `shift`, through the statistics as well.
///
/// # Errors
/// If the shapes do not fit, or as [`Ranks::meet`].
pub fn batch_norm_train(x: &Tensor, gain: &Tensor, shift: &Tensor, step: &NormStep) -> Result<TrainedNorm> {
    let channels = planes(x)?.1;
    check_channels(channels, &[gain, shift])?;
    if matches!(x.dtype(), DType::F16 | DType::BF16) {
        // Half precision holds maps: neither sums over many pixels nor a small variance beside a large mean.
        let wide = |t: &Tensor| t.to_dtype(DType::F32);
        let found = batch_norm_train(&wide(x)?, &wide(gain)?, &wide(shift)?, step)?;
        let narrow = |t: Tensor| t.to_dtype(gain.dtype());
        let output = found.output.to_dtype(x.dtype())?;
        return Ok(TrainedNorm { output, mean: narrow(found.mean)?, variance: narrow(found.variance)? });
    }
    if !has_kernel(x) {
        let rows = x.transpose(0, 1)?.contiguous()?.reshape((channels, ()))?;
        let mean_of = |each: Tensor| across(&each, &step.ranks)? / step.ranks.size() as f64;
        let mean = mean_of(rows.mean_keepdim(1)?)?;
        let variance = mean_of(rows.broadcast_sub(&mean)?.sqr()?.mean(1)?)?;
        let mean = mean.squeeze(1)?;
        let normalised = batch_norm(x, &mean, &variance, gain, shift, step.eps)?;
        let output = step.activation.forward(&normalised)?;
        return Ok(TrainedNorm { output, mean: mean.detach(), variance: variance.detach() });
    }
    let (x, gain, shift) = (x.contiguous()?, gain.contiguous()?, shift.contiguous()?);
    let train = Train::new(&x, step)?;
    let (mean, variance) = train.statistics(&x)?;
    Ok(TrainedNorm { output: x.apply_op3(&gain, &shift, train)?, mean, variance })
}

#[cfg(test)]
mod tests;

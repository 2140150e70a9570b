//! Two-dimensional convolution.

mod chain_op;
mod cut;
mod dense;
mod dense_grad;
mod dense_op;
mod depthwise;
mod depthwise_op;
mod depthwise_rows;
mod depthwise_taps;
mod epilogue;
mod foresight;
mod geometry;
mod mlp;
mod mlp_op;
mod norm_op;
mod packed;
mod patches;
mod prepared;
mod stage;
#[cfg(test)]
mod tests;
mod winograd;
mod winograd_tiles;

use super::norm::{TrainedNorm, batch_norm_train, channel_affine};
use super::{composed, real::has_kernel};
use crate::layers::Activation;
use crate::{Error, Result, profile};
use candle_core::Tensor;
use dense_op::Form;
use geometry::Geometry;

pub use mlp_op::{Mlp, mlp};
pub use prepared::Prepared;

pub use chain_op::{Chained, Residual, conv_norm_chain};
pub use stage::Link;

/// Convolution of `input` `[b, c, h, w]` with `kernel` `[o, c / groups, kh, kw]`, zero padding `(vertical,
/// horizontal)` on both sides, one stride and one dilation for both axes.
///
/// Gives `[b, o, (h + 2 p - dilation (k - 1) - 1) / stride + 1, …]`. Differentiable in both arguments.
///
/// # Errors
/// If the shapes do not fit.
pub fn conv2d(
    input: &Tensor,
    kernel: &Tensor,
    stride: usize,
    padding: (usize, usize),
    dilation: usize,
    groups: usize,
) -> Result<Tensor> {
    let geometry = Geometry::new(input, kernel, stride, padding, dilation, groups)?;
    if !has_kernel(input) {
        return composed::conv2d(input, kernel, stride, padding, dilation, groups);
    }
    let (input, kernel) = (input.contiguous()?, kernel.contiguous()?);
    profile::operation(
        |_| geometry.label(),
        || {
            Ok(match geometry.is_depthwise() {
                true => input.apply_op2(&kernel, depthwise_op::Depthwise(geometry))?,
                false => input.apply_op2(&kernel, dense_op::Dense(geometry))?,
            })
        },
    )
}

/// What follows the sums of a convolution, in this order.
#[derive(Debug, Clone, Copy, Default)]
pub struct Finish<'a> {
    /// Added per output channel, `[o]`.
    pub bias: Option<&'a Tensor>,
    /// Added next, of the shape of the output.
    pub residual: Option<&'a Tensor>,
    /// Applied last.
    pub activation: Activation,
}

/// [`conv2d`], then `finish`: one pass over the output where no gradient is asked for.
///
/// # Errors
/// If the shapes do not fit.
#[allow(clippy::too_many_arguments)]
pub fn conv2d_finished(
    input: &Tensor,
    kernel: &Tensor,
    stride: usize,
    padding: (usize, usize),
    dilation: usize,
    groups: usize,
    finish: Finish,
) -> Result<Tensor> {
    let Finish { bias, residual, activation } = finish;
    let tracked = |t: &Tensor| t.track_op();
    let differentiable =
        tracked(input) || tracked(kernel) || bias.is_some_and(tracked) || residual.is_some_and(tracked);
    if differentiable || !has_kernel(input) {
        let mut y = conv2d(input, kernel, stride, padding, dilation, groups)?;
        if let Some(bias) = bias {
            // Candle's gradient of a broadcast sum is slow.
            y = channel_affine(&y, &bias.ones_like()?, bias)?;
        }
        if let Some(residual) = residual {
            y = (y + residual)?;
        }
        return activation.forward(&y);
    }
    let geometry = Geometry::new(input, kernel, stride, padding, dilation, groups)?;
    finished(input, kernel, geometry, Form::Plain, finish)
}

fn finished(
    input: &Tensor,
    kernel: &Tensor,
    geometry: Geometry,
    form: Form,
    finish: Finish,
) -> Result<Tensor> {
    let Finish { bias, residual, activation } = finish;
    let fits = |t: Option<&Tensor>, shape: &[usize]| t.is_none_or(|t| t.dims() == shape);
    if !fits(bias, &[geometry.output]) || !fits(residual, geometry.out_shape().dims()) {
        let reason = format!("conv2d: bias {bias:?} or residual {residual:?} does not fit the output");
        return Err(Error::Argument(reason));
    }
    let contiguous = |t: Option<&Tensor>| t.map(Tensor::contiguous).transpose();
    let (bias, residual) = (contiguous(bias)?, contiguous(residual)?);
    let (bias, residual) = (bias.as_ref(), residual.as_ref());
    let op = dense_op::Finished { geometry, bias, residual, activation, form };
    profile::operation(
        |_| geometry.label(),
        || Ok(input.contiguous()?.apply_op2_no_bwd(&kernel.contiguous()?, &op)?),
    )
}

/// [`conv2d`] (without bias), then [`super::batch_norm_train`] with `gain`, `shift`, `eps` and `activation`.
///
/// # Errors
/// If the shapes do not fit.
#[allow(clippy::too_many_arguments)]
pub fn conv2d_norm_train(
    input: &Tensor,
    kernel: &Tensor,
    stride: usize,
    padding: (usize, usize),
    dilation: usize,
    groups: usize,
    norm: (&Tensor, &Tensor, f64),
    activation: Activation,
) -> Result<TrainedNorm> {
    let geometry = Geometry::new(input, kernel, stride, padding, dilation, groups)?;
    let (gain, shift, eps) = norm;
    let fits = gain.dims() == [geometry.output] && shift.dims() == [geometry.output];
    if !has_kernel(input) || !fits {
        let y = conv2d(input, kernel, stride, padding, dilation, groups)?;
        return batch_norm_train(&y, gain, shift, eps, activation);
    }
    let (input, kernel) = (input.contiguous()?, kernel.contiguous()?);
    norm_op::conv_norm(&input, &kernel, geometry, (gain, shift), eps, activation)
}

/// Depthwise convolution: channel `i` of `input` `[b, c, h, w]` with `kernel[i, 0]`, `kernel` `[c, 1, kh, kw]`.
///
/// # Errors
/// If the shapes do not fit.
pub fn depthwise_conv2d(
    input: &Tensor,
    kernel: &Tensor,
    stride: usize,
    padding: (usize, usize),
) -> Result<Tensor> {
    let groups = input.dim(1)?;
    conv2d(input, kernel, stride, padding, 1, groups)
}

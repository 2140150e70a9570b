//! Two-dimensional convolution.

mod chain_op;
mod composed;
mod dense;
mod dense_grad;
mod dense_op;
mod depthwise;
mod depthwise_op;
mod depthwise_rows;
mod depthwise_taps;
mod device;
mod epilogue;
mod geometry;
mod halved;
mod laid;
mod mlp;
mod mlp_op;
mod norm_op;
mod packed;
mod params;
mod patches;
mod prefetch;
mod prepared;
mod stage;
#[cfg(test)]
mod tests;
mod tiling;
mod transposed;
mod winograd;
mod winograd_tiles;

use crate::activation::Activation;
use crate::cpu::{has_kernel, has_map_kernel};
use crate::error::{Error, Result};
use crate::gpu::takes;
use crate::norm::{NormStep, TrainedNorm, batch_norm_train, channel_affine};
use crate::profile;
use candle_core::{DType, Tensor};
use dense_op::Form;
use geometry::Geometry;

pub use crate::matrix::Factors;
pub use mlp_op::{Mlp, mlp};
pub use params::ConvParams;
pub use prepared::Prepared;

pub use chain_op::{Chained, Residual, conv_norm_chain};
pub use stage::Link;
pub use transposed::pointwise_transposed;

/// Convolution of `input` `[b, c, h, w]` with `kernel` `[o, c / groups, kh, kw]`, moved as `params`
/// say.
///
/// Gives `[b, o, (h + 2 p - dilation (k - 1) - 1) / stride + 1, …]`. Differentiable in both arguments.
///
/// # Errors
/// If the shapes do not fit.
pub fn conv2d(input: &Tensor, kernel: &Tensor, params: ConvParams) -> Result<Tensor> {
    let geometry = Geometry::new(input, kernel, params)?;
    if !has_kernel(input) {
        return on_device(input, kernel, &geometry);
    }
    let (input, kernel) = (input.contiguous()?, kernel.contiguous()?);
    profile::operation(
        |_| geometry.label(),
        || {
            Ok(if geometry.is_depthwise() {
                input.apply_op2(&kernel, depthwise_op::Depthwise(geometry))?
            } else {
                input.apply_op2(&kernel, dense_op::Dense(geometry))?
            })
        },
    )
}

/// By our kernels or Candle's operations.
fn on_device(input: &Tensor, kernel: &Tensor, geometry: &Geometry) -> Result<Tensor> {
    if !takes(input) || !takes(kernel) {
        return composed::conv2d(input, kernel, geometry.params);
    }
    let (groups, depthwise) = (geometry.params.groups, geometry.is_depthwise());
    if groups > 1 && !depthwise {
        return group_by_group(input, kernel, geometry);
    }
    if !input.track_op() && !kernel.track_op() {
        return device::conv2d(input, kernel, geometry, Epilogue::default());
    }
    if depthwise {
        return device::depthwise_conv2d(input, kernel, *geometry);
    }
    device::dense_conv2d(input, kernel, *geometry)
}

fn group_by_group(input: &Tensor, kernel: &Tensor, geometry: &Geometry) -> Result<Tensor> {
    let groups = geometry.params.groups;
    let (inputs, outputs) = (geometry.input / groups, geometry.output / groups);
    let params = ConvParams { groups: 1, ..geometry.params };
    let part = |group: usize| {
        let input = input.narrow(1, group * inputs, inputs)?;
        conv2d(&input, &kernel.narrow(0, group * outputs, outputs)?, params)
    };
    let parts = (0..groups).map(part).collect::<Result<Vec<_>>>()?;
    Ok(Tensor::cat(&parts, 1)?)
}

/// What follows the sums of a convolution, in this order.
#[derive(Debug, Clone, Copy, Default)]
pub struct Epilogue<'a> {
    /// Added per output channel, `[o]`.
    pub bias: Option<&'a Tensor>,
    /// Added next, of the shape of the output.
    pub residual: Option<&'a Tensor>,
    /// Applied last.
    pub activation: Activation,
}

/// [`conv2d`], then `epilogue`: one pass over the output where no gradient is asked for.
///
/// A depthwise convolution takes maps in bfloat16 with a kernel in float32 too, and gives such maps.
///
/// # Errors
/// If the shapes do not fit.
pub fn conv2d_epilogue(
    input: &Tensor,
    kernel: &Tensor,
    params: ConvParams,
    epilogue: Epilogue,
) -> Result<Tensor> {
    let Epilogue { bias, residual, activation } = epilogue;
    let tracked = |t: &Tensor| t.track_op();
    let differentiable =
        tracked(input) || tracked(kernel) || bias.is_some_and(tracked) || residual.is_some_and(tracked);
    if !differentiable && takes(input) && takes(kernel) {
        let geometry = Geometry::new(input, kernel, params)?;
        let run = || device::conv2d(input, kernel, &geometry, epilogue);
        return profile::operation(|_| geometry.label(), run);
    }
    if !differentiable
        && input.dtype() == DType::BF16
        && kernel.dtype() == DType::F32
        && has_map_kernel(input)
    {
        let geometry = Geometry::of(input, kernel.dims4()?, params)?;
        if !geometry.is_depthwise() {
            let reason = "conv2d: maps in bfloat16 want a kernel laid out for them, or a depthwise one";
            return Err(Error::Argument(reason.into()));
        }
        return with_epilogue(input, kernel, geometry, Form::Plain, DType::BF16, epilogue);
    }
    if differentiable || !has_kernel(input) {
        let mut y = conv2d(input, kernel, params)?;
        if let Some(bias) = bias {
            // Candle's gradient of a broadcast sum is slow.
            y = channel_affine(&y, &bias.ones_like()?, bias)?;
        }
        if let Some(residual) = residual {
            y = (y + residual)?;
        }
        return activation.forward(&y);
    }
    let geometry = Geometry::new(input, kernel, params)?;
    with_epilogue(input, kernel, geometry, Form::Plain, input.dtype(), epilogue)
}

fn with_epilogue(
    input: &Tensor,
    kernel: &Tensor,
    geometry: Geometry,
    form: Form,
    output: DType,
    epilogue: Epilogue,
) -> Result<Tensor> {
    let Epilogue { bias, residual, activation } = epilogue;
    let fits = |t: Option<&Tensor>, shape: &[usize]| t.is_none_or(|t| t.dims() == shape);
    let typed = residual.is_none_or(|residual| residual.dtype() == output);
    if !fits(bias, &[geometry.output]) || !fits(residual, geometry.out_shape().dims()) || !typed {
        let reason = format!("conv2d: bias {bias:?} or residual {residual:?} does not fit the output");
        return Err(Error::Argument(reason));
    }
    let contiguous = |t: Option<&Tensor>| t.map(Tensor::contiguous).transpose();
    let (bias, residual) = (contiguous(bias)?, contiguous(residual)?);
    let (bias, residual) = (bias.as_ref(), residual.as_ref());
    let op = dense_op::WithEpilogue { geometry, bias, residual, activation, form, output };
    profile::operation(
        |_| form.label(&geometry, input.dtype(), output),
        || Ok(input.contiguous()?.apply_op2_no_bwd(&kernel.contiguous()?, &op)?),
    )
}

/// [`conv2d`] (without bias), then [`crate::batch_norm_train`] with a gain and a shift.
///
/// # Errors
/// As that.
pub fn conv2d_norm_train(
    input: &Tensor,
    kernel: &Tensor,
    params: ConvParams,
    (gain, shift): (&Tensor, &Tensor),
    step: &NormStep,
) -> Result<TrainedNorm> {
    let geometry = Geometry::new(input, kernel, params)?;
    let fits = gain.dims() == [geometry.output] && shift.dims() == [geometry.output];
    if !has_kernel(input) || !fits {
        let y = conv2d(input, kernel, params)?;
        return batch_norm_train(&y, gain, shift, step);
    }
    let (input, kernel) = (input.contiguous()?, kernel.contiguous()?);
    norm_op::conv_norm(&input, &kernel, geometry, (gain, shift), step)
}

//! Two-dimensional convolution.

use crate::Result;
use candle_core::Tensor;

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
    let (_, channels, ..) = input.dims4()?;
    let (out, per_group, ..) = kernel.dims4()?;
    if groups == channels && out == channels && per_group == 1 && dilation == 1 && groups > 1 {
        return depthwise_conv2d(input, kernel, stride, padding);
    }
    let (vertical, horizontal) = padding;
    let padded = input
        .pad_with_zeros(2, vertical, vertical)?
        .pad_with_zeros(3, horizontal, horizontal)?
        .contiguous()?;
    Ok(padded.conv2d(&kernel.contiguous()?, 0, stride, dilation, groups)?)
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
    let (vertical, horizontal) = padding;
    let padded = input.pad_with_zeros(2, vertical, vertical)?.pad_with_zeros(3, horizontal, horizontal)?;
    Ok(padded.contiguous()?.conv2d(kernel, 0, stride, 1, groups)?)
}

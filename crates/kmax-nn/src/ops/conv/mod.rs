//! Two-dimensional convolution.

mod depthwise;
mod depthwise_op;
mod geometry;
#[cfg(test)]
mod tests;

use super::{composed, real::has_kernel};
use crate::Result;
use candle_core::Tensor;
use geometry::Geometry;

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
    if geometry.is_depthwise() {
        let (input, kernel) = (input.contiguous()?, kernel.contiguous()?);
        return Ok(input.apply_op2(&kernel, depthwise_op::Depthwise(geometry))?);
    }
    composed::conv2d(input, kernel, stride, padding, dilation, groups)
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

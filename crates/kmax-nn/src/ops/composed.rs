//! The same functions put together from Candle's operations: what runs on other devices and element types, and
//! what the kernels are tested against.

use crate::Result;
use candle_core::Tensor;

/// Convolution by Candle, with its own padding step because Candle pads both axes alike.
pub(crate) fn conv2d(
    input: &Tensor,
    kernel: &Tensor,
    stride: usize,
    padding: (usize, usize),
    dilation: usize,
    groups: usize,
) -> Result<Tensor> {
    let (vertical, horizontal) = padding;
    let padded = input
        .pad_with_zeros(2, vertical, vertical)?
        .pad_with_zeros(3, horizontal, horizontal)?
        .contiguous()?;
    Ok(padded.conv2d(&kernel.contiguous()?, 0, stride, dilation, groups)?)
}

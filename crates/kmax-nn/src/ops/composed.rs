//! The same functions put together from Candle's operations: what runs on other devices and element types, and
//! what the kernels are tested against.

use crate::Result;
use candle_core::Tensor;

/// Convolution by Candle, which pads both axes alike: what one axis has more is padded before.
pub(crate) fn conv2d(
    input: &Tensor,
    kernel: &Tensor,
    stride: usize,
    padding: (usize, usize),
    dilation: usize,
    groups: usize,
) -> Result<Tensor> {
    let (vertical, horizontal) = padding;
    let both = vertical.min(horizontal);
    let padded = input
        .pad_with_zeros(2, vertical - both, vertical - both)?
        .pad_with_zeros(3, horizontal - both, horizontal - both)?
        .contiguous()?;
    Ok(padded.conv2d(&kernel.contiguous()?, both, stride, dilation, groups)?)
}

//! Convolution put together from Candle's operations: what runs on other devices and element types.

use super::params::ConvParams;
use crate::error::Result;
use candle_core::Tensor;

/// Convolution by Candle, which pads both axes alike: what one axis has more is padded before.
pub(super) fn conv2d(input: &Tensor, kernel: &Tensor, params: ConvParams) -> Result<Tensor> {
    let ConvParams { stride, padding: (vertical, horizontal), dilation, groups } = params;
    let both = vertical.min(horizontal);
    let padded = input
        .pad_with_zeros(2, vertical - both, vertical - both)?
        .pad_with_zeros(3, horizontal - both, horizontal - both)?
        .contiguous()?;
    Ok(padded.conv2d(&kernel.contiguous()?, both, stride, dilation, groups)?)
}

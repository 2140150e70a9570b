//! 1x1 convolutions over sequences whose result has its channels last.

use super::Epilogue;
use crate::activation::Pass;
use crate::error::Result;
use crate::gpu::takes;
use crate::profile;
use candle_core::Tensor;

/// A 1x1 convolution of `x` `[b, in, length]` by `weight` `[out, in]`, and `bias` `[out]`: `[b, length, out]`.
///
/// On a GPU the factors are exchanged, so that nothing is copied to be transposed. There it has no gradient.
///
/// # Errors
/// If the shapes do not fit.
pub fn pointwise_transposed(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    let (batch, _, length) = x.dims3()?;
    if !takes(x) || [x, weight, bias].iter().any(|t| t.track_op()) {
        let maps = super::conv2d_epilogue(
            &x.unsqueeze(2)?,
            &weight.unsqueeze(2)?.unsqueeze(3)?,
            super::ConvParams::default(),
            Epilogue { bias: Some(bias), ..Epilogue::default() },
        )?;
        return Ok(maps.squeeze(2)?.transpose(1, 2)?.contiguous()?);
    }
    let weight = weight.t()?;
    let products: Vec<Tensor> =
        (0..batch).map(|image| profile::matmul(&x.get(image)?.t()?, &weight)).collect::<Result<_>>()?;
    let rows = match products.as_slice() {
        [one] => one.clone(),
        _ => Tensor::cat(&products, 0)?,
    };
    // Of each row as an image of one pixel.
    let pass = Pass { bias: Some(bias), ..Pass::default() };
    let ended = profile::pass("bias", &[&rows], || pass.run(&rows))?;
    Ok(ended.reshape((batch, length, ()))?)
}

//! 1x1 convolutions over sequences: `[batch, channels, length]`.

use super::batch_norm::{BatchNorm, BatchNormConfig};
use super::conv::{Conv2d, ConvConfig};
use super::conv_norm::ConvNorm;
use super::drop_path::DropPath;
use crate::error::Result;
use crate::init::Init;
use crate::mode::Mode;
use crate::params::{Params, Role};
use candle_core::Tensor;
use kmax_kernels as kernels;
use kmax_kernels::Activation;

/// A 1x1 convolution over a sequence, with an optional batch norm and an activation.
///
/// Parameters: `weight` `[out, in, 1]` (as PyTorch's `Conv1d`), `bias` `[out]` if asked for, the norm under `norm`.
#[derive(Debug, Clone)]
pub struct Pointwise1d {
    inner: Inner,
    /// Added behind, `[out]`, where it could not be folded.
    constant: Option<Tensor>,
}

#[derive(Debug, Clone)]
enum Inner {
    Plain(Conv2d),
    Normed(ConvNorm),
}

impl Pointwise1d {
    /// With a batch norm and an activation, without a bias.
    ///
    /// # Errors
    /// If a parameter is missing or misshapen.
    pub fn normed(
        input: usize,
        output: usize,
        init: Init,
        norm: BatchNormConfig,
        activation: Activation,
        params: &Params,
    ) -> Result<Self> {
        let weight = weight(input, output, init, params)?;
        let norm = BatchNorm::new(output, norm, &params.pp("norm"))?;
        let conv = Conv2d::from_tensors(weight, None, ConvConfig::new(input, output, 1).in_float32(), None)?;
        let inner = Inner::Normed(ConvNorm::from_parts(conv, norm, activation, params.prepares())?);
        Ok(Self { inner, constant: None })
    }

    /// With a bias and, added behind it, `constant` `[out]`, which is no parameter.
    ///
    /// # Errors
    /// If a parameter is missing or misshapen.
    pub fn biased(
        input: usize,
        output: usize,
        init: Init,
        constant: Tensor,
        params: &Params,
    ) -> Result<Self> {
        let weight = weight(input, output, init, params)?;
        let mut bias = params.get("bias", &[output], Init::ZEROS, Role::Bias)?;
        let mut constant = Some(constant.to_dtype(params.dtype())?.to_device(params.device())?);
        if !params.is_trainable()
            && let Some(constant) = constant.take()
        {
            bias = (bias + constant)?;
        }
        let config = ConvConfig::new(input, output, 1).in_float32().with_bias();
        let conv = Conv2d::from_tensors(weight, Some(bias), config, params.prepares())?;
        Ok(Self { inner: Inner::Plain(conv), constant })
    }

    /// Maps `x` `[b, in, length]` to `[b, out, length]`.
    ///
    /// # Errors
    /// If the channels differ, or if a folded layer is asked to train.
    pub fn forward(&self, x: &Tensor, mode: &Mode) -> Result<Tensor> {
        let map = x.unsqueeze(2)?;
        let y = match &self.inner {
            Inner::Plain(conv) => conv.forward(&map)?,
            Inner::Normed(conv) => conv.forward(&map, mode)?,
        };
        self.ended(y.squeeze(2)?)
    }

    /// As [`Self::forward`], with `residual` `[b, out, length]` added to it behind `drop_path`, and `activation` last.
    ///
    /// # Errors
    /// As [`Self::forward`].
    pub fn forward_onto(
        &self,
        x: &Tensor,
        residual: &Tensor,
        drop_path: DropPath,
        activation: Activation,
        mode: &Mode,
    ) -> Result<Tensor> {
        match &self.inner {
            Inner::Normed(conv) if !mode.is_train() && conv.is_linear() => {
                let residual = residual.unsqueeze(2)?;
                Ok(conv.forward_epilogue(&x.unsqueeze(2)?, Some(&residual), activation, mode)?.squeeze(2)?)
            }
            _ => {
                let sum = (residual + drop_path.forward(&self.forward(x, mode)?, mode)?)?;
                Ok(activation.forward(&sum)?)
            }
        }
    }

    /// As [`Self::forward`], transposed: `[b, length, out]`.
    ///
    /// # Errors
    /// As [`Self::forward`].
    pub fn forward_transposed(&self, x: &Tensor, mode: &Mode) -> Result<Tensor> {
        if let Inner::Plain(conv) = &self.inner
            && self.constant.is_none()
            && let Some((weight, Some(bias), _)) = conv.open_parts()
        {
            let weight = weight.flatten_from(1)?;
            return Ok(kernels::pointwise_transposed(x, &weight, bias)?);
        }
        Ok(self.forward(x, mode)?.transpose(1, 2)?.contiguous()?)
    }

    fn ended(&self, y: Tensor) -> Result<Tensor> {
        match &self.constant {
            Some(constant) => Ok(y.broadcast_add(&constant.reshape((1, (), 1))?)?),
            None => Ok(y),
        }
    }
}

fn weight(input: usize, output: usize, init: Init, params: &Params) -> Result<Tensor> {
    Ok(params.get("weight", &[output, input, 1], init, Role::Kernel)?.unsqueeze(3)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};
    use std::collections::HashMap;

    #[test]
    fn it_is_a_matrix_product_per_position() -> Result<()> {
        let tensors = HashMap::from([
            ("weight".to_string(), Tensor::new(&[[[1f32], [2.0]]], &Device::Cpu)?),
            ("bias".to_string(), Tensor::new(&[0.5f32], &Device::Cpu)?),
        ]);
        let params = Params::frozen(tensors, DType::F32, &Device::Cpu);
        let constant = Tensor::new(&[1f32], &Device::Cpu)?;
        let layer = Pointwise1d::biased(2, 1, Init::ZEROS, constant, &params)?;
        let x = Tensor::new(&[[[1f32, 2.0, 3.0], [10.0, 20.0, 30.0]]], &Device::Cpu)?;
        assert_eq!(layer.forward(&x, &Mode::eval())?.to_vec3::<f32>()?, [[[22.5, 43.5, 64.5]]]);
        Ok(())
    }
}

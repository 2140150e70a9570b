//! 1x1 convolutions over sequences: `[batch, channels, length]`.

use super::batch_norm::{BatchNorm, BatchNormConfig};
use super::conv::{Conv2d, ConvConfig};
use super::conv_norm::ConvNorm;
use crate::error::Result;
use crate::init::Init;
use crate::mode::Mode;
use crate::params::{Params, Role};
use candle_core::Tensor;
use kmax_kernels::Activation;

/// A 1x1 convolution over a sequence, with an optional batch norm and an activation.
///
/// Parameters: `weight` `[out, in, 1]` (as PyTorch's `Conv1d`), `bias` `[out]` if asked for, the norm under `norm`.
#[derive(Debug, Clone)]
pub struct Pointwise1d {
    inner: Inner,
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
        let conv = Conv2d::from_tensors(weight, None, ConvConfig::new(input, output, 1), None)?;
        let inner = Inner::Normed(ConvNorm::from_parts(conv, norm, activation, params.prepares())?);
        Ok(Self { inner })
    }

    /// With a bias and nothing else.
    ///
    /// # Errors
    /// If a parameter is missing or misshapen.
    pub fn biased(input: usize, output: usize, init: Init, params: &Params) -> Result<Self> {
        let weight = weight(input, output, init, params)?;
        let bias = params.get("bias", &[output], Init::ZEROS, Role::Bias)?;
        let config = ConvConfig::new(input, output, 1).with_bias();
        let conv = Conv2d::from_tensors(weight, Some(bias), config, params.prepares())?;
        Ok(Self { inner: Inner::Plain(conv) })
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
        Ok(y.squeeze(2)?)
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
        let layer = Pointwise1d::biased(2, 1, Init::ZEROS, &params)?;
        let x = Tensor::new(&[[[1f32, 2.0, 3.0], [10.0, 20.0, 30.0]]], &Device::Cpu)?;
        assert_eq!(layer.forward(&x, &Mode::eval())?.to_vec3::<f32>()?, [[[21.5, 42.5, 63.5]]]);
        Ok(())
    }
}

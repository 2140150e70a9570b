//! Layer normalisation over the channels of a feature map.

use crate::error::Result;
use crate::init::Init;
use crate::params::{Params, Role};
use candle_core::Tensor;
use kmax_kernels as kernels;

/// Layer norm over one axis, parameters `weight` and `bias` of that axis' length.
#[derive(Debug, Clone)]
pub struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
    axis: usize,
    eps: f64,
}

impl LayerNorm {
    /// Reads the two parameters. ConvNeXt uses axis 1 and `eps` 1e-6.
    ///
    /// # Errors
    /// If one is missing or misshapen.
    pub fn new(channels: usize, axis: usize, eps: f64, params: &Params) -> Result<Self> {
        let weight = params.get("weight", &[channels], Init::ONES, Role::Norm)?;
        let bias = params.get("bias", &[channels], Init::ZEROS, Role::Norm)?;
        Ok(Self { weight, bias, axis, eps })
    }

    /// Its parameters.
    pub(super) fn tensors(&self) -> [Tensor; 2] {
        [self.weight.clone(), self.bias.clone()]
    }

    /// The same with other values.
    pub(super) fn with(&self, [weight, bias]: [Tensor; 2]) -> Self {
        Self { weight, bias, ..self.clone() }
    }

    /// Gain, shift and epsilon, if the axis is that of a map's channels.
    pub(super) fn over_channels(&self) -> Option<(&Tensor, &Tensor, f64)> {
        (self.axis == 1).then_some((&self.weight, &self.bias, self.eps))
    }

    /// Normalises `x`.
    ///
    /// # Errors
    /// If the axis has another length.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(kernels::layer_norm(x, self.axis, &self.weight, &self.bias, self.eps)?)
    }
}

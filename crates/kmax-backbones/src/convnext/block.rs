//! The ConvNeXt block.

use crate::error::Result;
use candle_core::{ModuleT, Tensor};
use kmax_nn::layers::ChannelMlpConfig;
use kmax_nn::{ChannelMlp, Conv2d, ConvConfig, DropPath, Init, Mode, Params};

/// How all kernels start (arXiv 2201.03545, and deeplab2).
pub(crate) const KERNEL: Init = Init::TruncatedNormal { std: 0.02 };

/// Depthwise 7x7 convolution, layer norm, 1x1 expansion by four, GELU, 1x1 projection, layer scale, drop path, residual.
///
/// Parameters: `depthwise`, and those of [`ChannelMlp`]: `norm`, `expand`, `project`, `scale`.
#[derive(Debug)]
pub struct ConvNeXtBlock {
    depthwise: Conv2d,
    mlp: ChannelMlp,
}

impl ConvNeXtBlock {
    /// Reads the parameters. `layer_scale` is the layer scale's initial value, 0 for none; `drop_path` the
    /// probability of dropping the branch in training; `eps` goes into the layer norm.
    ///
    /// # Errors
    /// If a parameter is missing or misshapen.
    pub fn new(dim: usize, layer_scale: f64, drop_path: f64, eps: f64, params: &Params) -> Result<Self> {
        let mlp = ChannelMlpConfig {
            channels: dim,
            hidden: 4 * dim,
            eps,
            layer_scale,
            drop_path: DropPath { rate: drop_path },
            init: KERNEL,
        };
        let depthwise = ConvConfig::depthwise(dim, 7).with_bias();
        Ok(Self {
            depthwise: Conv2d::new(depthwise, KERNEL, &params.pp("depthwise"))?,
            mlp: ChannelMlp::new(mlp, params)?,
        })
    }

    /// From `x` `[b, dim, h, w]` to the same shape.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn forward(&self, x: &Tensor, mode: &Mode) -> Result<Tensor> {
        Ok(self.mlp.forward(&self.depthwise.forward(x)?, x, mode)?)
    }
}

impl ModuleT for ConvNeXtBlock {
    fn forward_t(&self, x: &Tensor, train: bool) -> candle_core::Result<Tensor> {
        Ok(self.forward(x, &Mode::of(train))?)
    }
}

//! Residual blocks of three layers.

use super::config::ResNetConfig;
use crate::error::Result;
use candle_core::{ModuleT, Tensor};
use kmax_nn::layers::{AxialAttention2d, AxialConfig};
use kmax_nn::{Activation, Chain, ConvConfig, ConvNorm, DropPath, Mode, Params};

/// Shape of a [`ResNetBlock`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockShape {
    /// Input channels.
    pub input: usize,
    /// Output channels of the first two layers; of an attention's queries and keys, the first two layers then having
    /// twice as many.
    pub inner: usize,
    /// Output channels. The residual is projected where they differ from the input's.
    pub output: usize,
    /// Stride of the middle layer and of the residual.
    pub stride: usize,
    /// Whether the middle layer is an axial attention.
    pub axial: bool,
}

#[derive(Debug)]
enum Spatial {
    Conv(ConvNorm),
    Axial(Box<AxialAttention2d>, Activation),
}

/// 1x1 convolution, 3x3 convolution or axial attention, 1x1 convolution, and a residual around them
/// (`BottleneckBlock` of the PyTorch implementation, `AxialBlock` of deeplab2).
///
/// The input is activated; whether the output is, [`ResNetBlock::new`] is told.
#[derive(Debug)]
pub struct ResNetBlock {
    conv1: ConvNorm,
    spatial: Spatial,
    conv3: ConvNorm,
    /// Of the residual.
    projection: Option<ConvNorm>,
    drop_path: DropPath,
    output: Activation,
}

impl ResNetBlock {
    /// Reads the parameters. `output` is applied to the sum of branch and residual; `drop_path` is the probability
    /// of dropping the branch in training.
    ///
    /// # Errors
    /// If a parameter is missing or misshapen.
    pub fn new(
        shape: BlockShape,
        output: Activation,
        drop_path: f64,
        config: &ResNetConfig,
        params: &Params,
    ) -> Result<Self> {
        let gain = if config.zero_init_residual { 0.0 } else { 1.0 };
        let norm = config.norm();
        let build = |conv: ConvConfig, norm, activation, name: &str| {
            let init = config.kernel_init.init(conv.input, conv.output, conv.kernel.0);
            ConvNorm::new(conv, init, norm, activation, &params.pp(name))
        };
        let (inner, act) = (shape.inner, config.activation);
        // An attention reads and puts out twice as many channels as its queries and keys have.
        let around = if shape.axial { 2 * inner } else { inner };
        let conv1 = build(ConvConfig::new(shape.input, around, 1), norm, act, "conv1")?;
        let spatial = if shape.axial {
            let attention = AxialConfig::new(around, inner, norm);
            let attention = AxialAttention2d::new(attention, shape.stride, &params.pp("attention"))?;
            Spatial::Axial(Box::new(attention), act)
        } else {
            Spatial::Conv(build(ConvConfig::new(inner, inner, 3).stride(shape.stride), norm, act, "conv2")?)
        };
        let conv3 = ConvConfig::new(around, shape.output, 1);
        let conv3 = build(conv3, norm.with_gain(gain), Activation::Identity, "conv3")?;
        let projection = if shape.input == shape.output {
            None
        } else {
            let conv = ConvConfig::new(shape.input, shape.output, 1).stride(shape.stride);
            Some(build(conv, norm, Activation::Identity, "shortcut")?)
        };
        Ok(Self { conv1, spatial, conv3, projection, drop_path: DropPath { rate: drop_path }, output })
    }

    /// From the activated `x` `[b, input, h, w]` to `[b, output, ceil(h / stride), ceil(w / stride)]`.
    ///
    /// # Errors
    /// If the shapes do not fit, or if a folded block is asked to train.
    pub fn forward(&self, x: &Tensor, mode: &Mode) -> Result<Tensor> {
        let projection = self.projection.as_ref();
        Ok(match &self.spatial {
            Spatial::Conv(conv) => {
                let chain = Chain::new(&self.conv1).then(conv).then(&self.conv3).after(self.output);
                chain.residual(projection, self.drop_path).forward(x, mode)?
            }
            Spatial::Axial(attention, activation) => {
                let branch = attention.forward(&self.conv1.forward(x, mode)?, mode)?;
                let residual = match projection {
                    Some(projection) => projection.forward(x, mode)?,
                    None => x.clone(),
                };
                let end = Chain::new(&self.conv3).before(*activation).after(self.output);
                end.plus(&residual, self.drop_path).forward(&branch, mode)?
            }
        })
    }
}

impl ModuleT for ResNetBlock {
    fn forward_t(&self, x: &Tensor, train: bool) -> candle_core::Result<Tensor> {
        Ok(self.forward(x, &Mode::of(train))?)
    }
}

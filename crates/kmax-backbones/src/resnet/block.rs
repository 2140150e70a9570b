//! Residual blocks of three layers.

use super::ResNetConfig;
use crate::Result;
use candle_core::Tensor;
use kmax_nn::layers::{AxialAttention2d, AxialConfig};
use kmax_nn::{Activation, ConvConfig, ConvNorm, DropPath, Mode, Params};

/// Shape of a [`Block`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockShape {
    /// Input channels.
    pub input: usize,
    /// Output channels of the first two layers; of an attention's queries and keys, the first two layers then having
    /// twice as many.
    pub inner: usize,
    /// Output channels. The shortcut is a projection where they differ from the input's.
    pub output: usize,
    /// Stride of the middle layer and of the shortcut.
    pub stride: usize,
    /// Whether the middle layer is an axial attention.
    pub axial: bool,
}

#[derive(Debug)]
enum Spatial {
    Conv(ConvNorm),
    Axial(Box<AxialAttention2d>, Activation),
}

/// 1x1 convolution, 3x3 convolution or axial attention, 1x1 convolution, and a shortcut around them
/// (`BottleneckBlock` of the port, `AxialBlock` of deeplab2).
///
/// The input is activated; whether the output is, [`Block::new`] is told.
#[derive(Debug)]
pub struct Block {
    conv1: ConvNorm,
    spatial: Spatial,
    conv3: ConvNorm,
    shortcut: Option<ConvNorm>,
    drop_path: DropPath,
    output: Activation,
}

impl Block {
    /// Reads the parameters. `output` is applied to the sum of branch and shortcut; `drop_path` is the probability
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
        let shortcut = match shape.input == shape.output {
            true => None,
            false => {
                let conv = ConvConfig::new(shape.input, shape.output, 1).stride(shape.stride);
                Some(build(conv, norm, Activation::Identity, "shortcut")?)
            }
        };
        Ok(Self { conv1, spatial, conv3, shortcut, drop_path: DropPath { rate: drop_path }, output })
    }

    /// From the activated `x` `[b, input, h, w]` to `[b, output, ceil(h / stride), ceil(w / stride)]`.
    ///
    /// # Errors
    /// If the shapes do not fit, or if a folded block is asked to train.
    pub fn forward(&self, x: &Tensor, mode: &Mode) -> Result<Tensor> {
        let y = self.conv1.forward(x, mode)?;
        let y = match &self.spatial {
            Spatial::Conv(conv) => conv.forward(&y, mode)?,
            Spatial::Axial(attention, activation) => activation.forward(&attention.forward(&y, mode)?)?,
        };
        let shortcut = match &self.shortcut {
            Some(projection) => projection.forward(x, mode)?,
            None => x.clone(),
        };
        if mode.is_train() && self.drop_path.rate > 0.0 {
            let branch = self.drop_path.forward(&self.conv3.forward(&y, mode)?, mode)?;
            return Ok(self.output.forward(&(branch + shortcut)?)?);
        }
        Ok(self.conv3.forward_finished(&y, Some(&shortcut), self.output, mode)?)
    }
}

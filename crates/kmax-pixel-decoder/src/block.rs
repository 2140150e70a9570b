//! Residual blocks of the pixel decoder.

use crate::{PixelDecoderConfig, Result, StageConfig, StageKind};
use candle_core::Tensor;
use kmax_nn::layers::{AxialAttention2d, AxialConfig, Chain, Shortcut};
use kmax_nn::{Activation, ConvConfig, ConvNorm, DropPath, Init, Mode, Params};

/// One block with a GELU in front (deeplab2's `SingleBlock`): 1x1, axial attention or 3x3, 1x1, all over a shortcut.
///
/// Parameters: `conv1`, `attention` or `conv2`, `conv3`, and `shortcut` where the channels change.
#[derive(Debug, Clone)]
pub struct Block {
    conv1: ConvNorm,
    middle: Middle,
    conv3: ConvNorm,
    shortcut: Option<ConvNorm>,
    drop_path: DropPath,
}

#[derive(Debug, Clone)]
enum Middle {
    Axial(Box<AxialAttention2d>),
    Bottleneck(ConvNorm),
}

/// `he_normal` of both originals' decoder: fan-in counts channels only.
pub(crate) fn he_normal(input: usize) -> Init {
    Init::TruncatedNormal { std: (2.0 / input as f64).sqrt() }
}

impl Block {
    /// Reads the parameters of one block of `stage` with `input` channels.
    ///
    /// # Errors
    /// If one is missing or misshapen.
    pub fn new(
        input: usize,
        stage: StageConfig,
        decoder: &PixelDecoderConfig,
        params: &Params,
    ) -> Result<Self> {
        let norm = decoder.norm();
        let base = stage.channels;
        let conv = |shape: ConvConfig, gain: f64, activation, name: &str| {
            ConvNorm::new(shape, he_normal(shape.input), norm.with_gain(gain), activation, &params.pp(name))
        };
        let (first, middle, before_last) = match stage.kind {
            StageKind::Axial => {
                let config = AxialConfig { heads: decoder.heads, ..AxialConfig::new(2 * base, base, norm) };
                let attention = AxialAttention2d::new(config, 1, &params.pp("attention"))?;
                (2 * base, Middle::Axial(Box::new(attention)), config.value_depth)
            }
            StageKind::Bottleneck => {
                let shape = ConvConfig::new(base, base, 3).dilation(decoder.bottleneck_dilation);
                (base, Middle::Bottleneck(conv(shape, 1.0, Activation::Gelu, "conv2")?), base)
            }
        };
        let output = 4 * base;
        let shortcut = match input == output {
            true => None,
            false => Some(conv(ConvConfig::new(input, output, 1), 1.0, Activation::Identity, "shortcut")?),
        };
        Ok(Self {
            conv1: conv(ConvConfig::new(input, first, 1), 1.0, Activation::Gelu, "conv1")?,
            middle,
            // The branch starts at zero, so that a new block begins as its shortcut.
            conv3: conv(ConvConfig::new(before_last, output, 1), 0.0, Activation::Identity, "conv3")?,
            shortcut,
            drop_path: DropPath { rate: decoder.drop_path },
        })
    }

    /// Maps `x` `[b, input, h, w]` to `[b, 4 * channels, h, w]`.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn forward(&self, x: &Tensor, mode: &Mode) -> Result<Tensor> {
        let attention = match &self.middle {
            Middle::Axial(attention) => attention,
            Middle::Bottleneck(conv) => {
                let shortcut = Shortcut { drop_path: self.drop_path, layer: self.shortcut.as_ref() };
                let layers = [&self.conv1, conv, &self.conv3];
                let chain = Chain { before: Activation::Gelu, layers: &layers, shortcut: Some(shortcut) };
                return Ok(chain.forward(x, mode)?);
            }
        };
        let x = Activation::Gelu.forward(x)?;
        let shortcut = match &self.shortcut {
            Some(conv) => conv.forward(&x, mode)?,
            None => x.clone(),
        };
        let branch = attention.forward(&self.conv1.forward(&x, mode)?, mode)?;
        if !mode.is_train() {
            let branch = Activation::Gelu.forward(&branch)?;
            return Ok(self.conv3.forward_finished(&branch, Some(&shortcut), Activation::Identity, mode)?);
        }
        let end = Chain { before: Activation::Gelu, layers: &[&self.conv3], shortcut: None };
        Ok((self.drop_path.forward(&end.forward(&branch, mode)?, mode)? + shortcut)?)
    }
}

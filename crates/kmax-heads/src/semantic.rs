//! Auxiliary semantic segmentation: a training signal for the backbone.

use crate::error::{Error, Result};
use candle_core::{ModuleT, Tensor};
use kmax_kernels::{Alignment, resize_bilinear, widened};
use kmax_nn::layers::Dropout;
use kmax_nn::{Activation, BatchNormConfig, Chain, Conv2d, ConvConfig, ConvNorm, Init, Mode, Params};
use serde::{Deserialize, Serialize};

/// Which auxiliary semantic head there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SemanticKind {
    /// None.
    None,
    /// ASPP and a decoder up to stride 4 (deeplab2's `PanopticDeepLabSingleDecoder`): COCO and ADE20K.
    Decoder,
    /// The last three layers of it on the stride-32 map alone: Cityscapes.
    Flat,
}

/// Shape of a [`SemanticHead`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SemanticConfig {
    /// Which head.
    pub kind: SemanticKind,
    /// Channels of the backbone's maps at strides 32, 8 and 4.
    pub inputs: [usize; 3],
    /// Channels of its output.
    pub outputs: usize,
    /// Whether maps are resized with corners aligned whatever their width (deeplab2), or for odd widths only (PyTorch).
    pub always_corners: bool,
    /// Batch norms.
    pub norm: BatchNormConfig,
}

/// Width of the semantic decoder in both reference implementations.
const WIDTH: usize = 256;
/// Share of ASPP outputs that dropout zeroes in training.
const DROPOUT: f64 = 0.1;

/// The auxiliary semantic head (the PyTorch implementation's `SemanticPredictor`); it runs in training only.
#[derive(Debug, Clone)]
pub struct SemanticHead {
    decoder: Option<Decoder>,
    depthwise: ConvNorm,
    conv: ConvNorm,
    last: Conv2d,
}

#[derive(Debug, Clone)]
struct Decoder {
    aspp: Aspp,
    eight: Fusion,
    four: Fusion,
    always_corners: bool,
}

#[derive(Debug, Clone)]
struct Fusion {
    project: ConvNorm,
    depthwise: ConvNorm,
    conv: ConvNorm,
}

/// Atrous spatial pyramid pooling with rates 6, 12, 18 (arXiv 1706.05587), 256 wide, GELU.
///
/// Parameters: `convs.0` to `convs.3`, `pool`, `project`.
#[derive(Debug, Clone)]
pub struct Aspp {
    convs: Vec<ConvNorm>,
    pool: ConvNorm,
    project: ConvNorm,
    dropout: Dropout,
}

fn gelu_conv(shape: ConvConfig, norm: BatchNormConfig, params: &Params) -> Result<ConvNorm> {
    let init = match shape.params.groups {
        1 => Init::TruncatedNormal { std: (2.0 / shape.input as f64).sqrt() },
        // Glorot's uniform bound of a depthwise kernel.
        groups => {
            let taps = (shape.kernel.0 * shape.kernel.1) as f64;
            Init::Uniform { bound: (6.0 / (taps * (1.0 + groups as f64))).sqrt() }
        }
    };
    Ok(ConvNorm::new(shape, init, norm, Activation::Gelu, params)?)
}

impl Aspp {
    /// Reads the parameters.
    ///
    /// # Errors
    /// If one is missing or misshapen.
    pub fn new(
        input: usize,
        output: usize,
        dropout: f64,
        norm: BatchNormConfig,
        params: &Params,
    ) -> Result<Self> {
        let conv = |shape, name: &str| gelu_conv(shape, norm, &params.pp(name));
        let mut convs = vec![conv(ConvConfig::new(input, output, 1), "convs.0")?];
        for (i, rate) in [6, 12, 18].into_iter().enumerate() {
            let shape = ConvConfig::new(input, output, 3).dilation(rate);
            convs.push(conv(shape, &format!("convs.{}", i + 1))?);
        }
        Ok(Self {
            convs,
            pool: conv(ConvConfig::new(input, output, 1), "pool")?,
            project: conv(ConvConfig::new(5 * output, output, 1), "project")?,
            dropout: Dropout { rate: dropout },
        })
    }

    /// Maps `x` `[b, input, h, w]` to `[b, output, h, w]`.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn forward(&self, x: &Tensor, mode: &Mode) -> Result<Tensor> {
        let (_, _, height, width) = x.dims4()?;
        let mut parts = Vec::with_capacity(5);
        for conv in &self.convs {
            parts.push(conv.forward(x, mode)?);
        }
        let pooled = self.pool.forward(&widened(x)?.mean_keepdim(3)?.mean_keepdim(2)?, mode)?;
        // Resizing a single pixel repeats it, whatever the alignment.
        parts.push(resize_bilinear(&pooled, height, width, Alignment::Corners)?);
        let x = self.project.forward(&Tensor::cat(&parts, 1)?, mode)?;
        Ok(self.dropout.forward(&x, mode)?)
    }
}

impl ModuleT for Aspp {
    fn forward_t(&self, x: &Tensor, train: bool) -> candle_core::Result<Tensor> {
        Ok(self.forward(x, &Mode::of(train))?)
    }
}

impl Fusion {
    fn new(input: usize, low: usize, norm: BatchNormConfig, params: &Params) -> Result<Self> {
        let conv = |shape, name: &str| gelu_conv(shape, norm, &params.pp(name));
        Ok(Self {
            project: conv(ConvConfig::new(input, low, 1), "project")?,
            depthwise: conv(ConvConfig::depthwise(WIDTH + low, 5), "depthwise")?,
            conv: conv(ConvConfig::new(WIDTH + low, WIDTH, 1), "conv")?,
        })
    }

    fn forward(&self, x: &Tensor, low: &Tensor, corners: bool, mode: &Mode) -> Result<Tensor> {
        let low = self.project.forward(low, mode)?;
        let (_, _, height, width) = low.dims4()?;
        let alignment = if corners { Alignment::Corners } else { Alignment::Borders };
        let x = resize_bilinear(x, height, width, alignment)?;
        let x = Tensor::cat(&[x, low], 1)?;
        Ok(Chain::new(&self.depthwise).then(&self.conv).forward(&x, mode)?)
    }
}

impl SemanticHead {
    /// Reads the parameters: `aspp`, `fusions.0` (stride 8), `fusions.1` (stride 4), `depthwise`, `conv`, `last`.
    ///
    /// # Errors
    /// If one is missing or misshapen, or if the kind is [`SemanticKind::None`].
    pub fn new(config: SemanticConfig, params: &Params) -> Result<Self> {
        let norm = config.norm;
        let [deep, eight, four] = config.inputs;
        let (decoder, width) = match config.kind {
            SemanticKind::None => return Err(Error::Config("there is no semantic head to build".into())),
            SemanticKind::Flat => (None, deep),
            SemanticKind::Decoder => {
                let decoder = Decoder {
                    aspp: Aspp::new(deep, WIDTH, DROPOUT, norm, &params.pp("aspp"))?,
                    eight: Fusion::new(eight, 64, norm, &params.pp("fusions.0"))?,
                    four: Fusion::new(four, 32, norm, &params.pp("fusions.1"))?,
                    always_corners: config.always_corners,
                };
                (Some(decoder), WIDTH)
            }
        };
        let conv = |shape, name: &str| gelu_conv(shape, norm, &params.pp(name));
        let last = ConvConfig::new(WIDTH, config.outputs, 1).with_bias().in_float32();
        Ok(Self {
            decoder,
            depthwise: conv(ConvConfig::depthwise(width, 5), "depthwise")?,
            conv: conv(ConvConfig::new(width, WIDTH, 1), "conv")?,
            last: Conv2d::new(last, Init::TruncatedNormal { std: 0.01 }, &params.pp("last"))?,
        })
    }

    /// The same without dropout, for exact comparisons in training mode.
    #[must_use]
    pub fn without_dropout(mut self) -> Self {
        if let Some(decoder) = &mut self.decoder {
            decoder.aspp.dropout = Dropout::default();
        }
        self
    }

    /// Semantic logits from the backbone's maps at strides 32, 8 and 4: `[b, outputs, h, w]` of the stride-4 map, or of
    /// the stride-32 map for a flat head.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn forward(&self, deep: &Tensor, eight: &Tensor, four: &Tensor, mode: &Mode) -> Result<Tensor> {
        let x = match &self.decoder {
            None => deep.clone(),
            Some(decoder) => {
                let corners =
                    |x: &Tensor| -> Result<bool> { Ok(decoder.always_corners || x.dim(3)? % 2 == 1) };
                let x = decoder.aspp.forward(deep, mode)?;
                let x = decoder.eight.forward(&x, eight, corners(&x)?, mode)?;
                decoder.four.forward(&x, four, corners(&x)?, mode)?
            }
        };
        let x = Chain::new(&self.depthwise).then(&self.conv).forward(&x, mode)?;
        Ok(self.last.forward(&x)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};

    #[test]
    fn both_kinds_have_their_strides() -> Result<()> {
        let map = |c: usize, size: usize| Tensor::ones((2, c, size, size), DType::F32, &Device::Cpu);
        let (deep, eight, four) = (map(6, 3)?, map(5, 9)?, map(4, 17)?);
        for (kind, size) in [(SemanticKind::Decoder, 17), (SemanticKind::Flat, 3)] {
            let params = Params::trainable(None, 0, DType::F32, &Device::Cpu);
            let norm = BatchNormConfig::default();
            let config = SemanticConfig { kind, inputs: [6, 5, 4], outputs: 7, always_corners: false, norm };
            let head = SemanticHead::new(config, &params)?;
            assert_eq!(head.forward(&deep, &eight, &four, &Mode::train(2))?.dims(), [2, 7, size, size]);
        }
        Ok(())
    }
}

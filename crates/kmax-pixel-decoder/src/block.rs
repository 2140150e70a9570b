//! Residual blocks of the pixel decoder.

use crate::config::{PixelDecoderConfig, StageConfig, StageKind};
use crate::error::Result;
use candle_core::{ModuleT, Tensor};
use kmax_nn::layers::{AxialAttention2d, AxialConfig};
use kmax_nn::{Activation, Chain, ConvConfig, ConvNorm, DropPath, Init, Mode, Params};

/// One block with a GELU in front (deeplab2's `SingleBlock`): 1x1, axial attention or 3x3, 1x1, and a residual
/// around all.
///
/// Parameters: `conv1`, `attention` or `conv2`, `conv3`, and `shortcut` where the channels change.
#[derive(Debug, Clone)]
pub struct StageBlock {
    conv1: ConvNorm,
    middle: Middle,
    conv3: ConvNorm,
    /// Of the residual.
    projection: Option<ConvNorm>,
    drop_path: DropPath,
}

#[derive(Debug, Clone)]
enum Middle {
    Axial(Box<AxialAttention2d>),
    Bottleneck(ConvNorm),
}

/// `he_normal` of both reference implementations' decoders: fan-in counts channels only.
pub(crate) fn he_normal(input: usize) -> Init {
    Init::TruncatedNormal { std: (2.0 / input as f64).sqrt() }
}

impl StageBlock {
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
        let projection = if input == output {
            None
        } else {
            Some(conv(ConvConfig::new(input, output, 1), 1.0, Activation::Identity, "shortcut")?)
        };
        Ok(Self {
            conv1: conv(ConvConfig::new(input, first, 1), 1.0, Activation::Gelu, "conv1")?,
            middle,
            // The branch starts at zero, so that a new block begins as its residual.
            conv3: conv(ConvConfig::new(before_last, output, 1), 0.0, Activation::Identity, "conv3")?,
            projection,
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
                let chain = Chain::new(&self.conv1).then(conv).then(&self.conv3).before(Activation::Gelu);
                return Ok(chain.residual(self.projection.as_ref(), self.drop_path).forward(x, mode)?);
            }
        };
        let x = Activation::Gelu.forward(x)?;
        let residual = match &self.projection {
            Some(conv) => conv.forward(&x, mode)?,
            None => x.clone(),
        };
        let branch = attention.forward(&self.conv1.forward(&x, mode)?, mode)?;
        let end = Chain::new(&self.conv3).before(Activation::Gelu).plus(&residual, self.drop_path);
        Ok(end.forward(&branch, mode)?)
    }
}

impl ModuleT for StageBlock {
    fn forward_t(&self, x: &Tensor, train: bool) -> candle_core::Result<Tensor> {
        Ok(self.forward(x, &Mode::of(train))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device, Module};
    use kmax_nn::candle_nn::{VarBuilder, seq};
    use kmax_nn::layers::Evaluating;

    #[test]
    fn blocks_of_a_var_builder_stand_in_a_sequence_of_candle() -> Result<()> {
        let decoder = PixelDecoderConfig::small();
        let stage = |kind, channels| StageConfig { kind, blocks: 1, channels };
        let build = |params: &Params| -> Result<Vec<StageBlock>> {
            let axial = stage(StageKind::Axial, 8);
            let bottleneck = stage(StageKind::Bottleneck, 6);
            Ok(vec![
                StageBlock::new(5, axial, &decoder, &params.pp("a"))?,
                StageBlock::new(32, bottleneck, &decoder, &params.pp("b"))?,
            ])
        };
        let open = Params::trainable(None, 2, DType::F64, &Device::Cpu);
        let blocks = build(&open)?;
        let x = Tensor::randn(0f64, 1.0, (2, 5, 6, 9), &Device::Cpu)?;
        let mut expected = x.clone();
        // Statistics that are not the identity.
        for block in &blocks {
            expected = block.forward_t(&expected, true)?;
        }
        expected = x.clone();
        for block in &blocks {
            expected = block.forward(&expected, &Mode::eval())?;
        }
        let values = open.parameters().into_iter().map(|p| (p.name, p.var.as_detached_tensor()));
        let vb = VarBuilder::from_tensors(values.collect(), DType::F64, &Device::Cpu);
        let model = build(&Params::from_var_builder(vb))?;
        let model = model.into_iter().fold(seq(), |model, block| model.add(Evaluating(block)));
        let apart = (model.forward(&x)? - expected)?.abs()?.max_all()?.to_scalar::<f64>()?;
        assert!(apart < 1e-10, "{apart}");
        Ok(())
    }
}

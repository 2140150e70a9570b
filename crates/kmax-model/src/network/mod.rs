//! The network: backbone, pixel decoder, k-means decoder and heads, composed.

mod config;

pub use config::{NetworkConfig, SemanticHeadConfig};

use crate::error::Result;
use candle_core::{DType, Device, Tensor};
use kmax_attention::{DecoderOutput, KmeansDecoder, LayerOutput, Supervision};
use kmax_backbones::{Backbone, Features, Level};
use kmax_heads::{Prediction, SemanticConfig, SemanticHead, SemanticKind};
use kmax_nn::{BatchNormConfig, Mode, Params, profile};
use kmax_pixel_decoder::{PixelDecoder, ResizeRule};

/// kMaX-DeepLab (arXiv 2207.04044).
///
/// Parameters: `backbone`, `pixel_decoder`, `decoder`, and `semantic_head` where parameters are trainable or asked for.
#[derive(Debug)]
pub struct KMaxDeepLab {
    backbone: Box<dyn Backbone>,
    frozen_backbone: bool,
    levels: Vec<Level>,
    pixel_decoder: PixelDecoder,
    decoder: KmeansDecoder,
    semantic_head: Option<SemanticHead>,
    activated_low_level: bool,
}

/// What inference needs of a forward pass.
#[derive(Debug, Clone)]
pub struct Logits {
    /// `[b, queries, classes + 1]`, void last.
    pub classes: Tensor,
    /// `[b, queries, h, w]` at the mask stride.
    pub masks: Tensor,
}

impl Logits {
    /// The same on the CPU in float32, each tensor copied once for the whole batch.
    pub(crate) fn on_cpu(&self) -> Result<Self> {
        let copy = |tensor: &Tensor| tensor.to_device(&Device::Cpu)?.to_dtype(DType::F32);
        Ok(Self { classes: copy(&self.classes)?, masks: copy(&self.masks)? })
    }

    /// Those of a prediction that has class logits.
    pub(crate) fn of(prediction: Prediction) -> Result<Self> {
        let missing = || crate::error::Error::Network("a predictor gave no class logits".into());
        Ok(Self { classes: prediction.class_logits.ok_or_else(missing)?, masks: prediction.mask_logits })
    }
}

/// Every tensor that training or a comparison may want.
#[derive(Debug, Clone)]
pub struct Trace {
    /// The backbone's maps.
    pub features: Features,
    /// The pixel decoder's outputs, coarsest first.
    pub pixel: Vec<Tensor>,
    /// The decoder's layers and the final prediction.
    pub decoder: DecoderOutput,
    /// Auxiliary semantic logits, if there is such a head.
    pub semantic_logits: Option<Tensor>,
}

impl KMaxDeepLab {
    /// Reads the parameters. The auxiliary semantic head is built for trainable parameters only.
    ///
    /// # Errors
    /// If the configuration is wrong or a parameter is missing or misshapen.
    pub fn new(config: &NetworkConfig, params: &Params) -> Result<Self> {
        Self::build(config, params, params.is_trainable())
    }

    /// As [`Self::new`], with the auxiliary semantic head although nothing will train.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_semantic_head(config: &NetworkConfig, params: &Params) -> Result<Self> {
        Self::build(config, params, true)
    }

    fn build(config: &NetworkConfig, params: &Params, semantic: bool) -> Result<Self> {
        config.validate_fields()?;
        let backbone = kmax_backbones::build(&config.backbone, &params.pp("backbone"))?;
        let channels: Vec<_> = config.levels.iter().map(|level| backbone.channels(*level)).collect();
        let outputs = config.pixel_decoder.output_channels();
        let pixel_decoder =
            PixelDecoder::new(&config.pixel_decoder, &channels, config.resize, &params.pp("pixel_decoder"))?;
        let panoptic = outputs[outputs.len() - 1];
        let maps = [outputs[0], outputs[1], outputs[2]];
        let decoder =
            KmeansDecoder::new(&config.decoder, maps, panoptic, config.classes, &params.pp("decoder"))?;
        let semantic_head = match config.semantic_head.kind {
            SemanticKind::None => None,
            _ if !semantic => None,
            kind => {
                let semantic = SemanticConfig {
                    kind,
                    inputs: [Level::Res5, Level::Res3, Level::Res2].map(|level| backbone.channels(level)),
                    outputs: config.semantic_head.outputs,
                    always_corners: config.resize == ResizeRule::Corners,
                    norm: BatchNormConfig {
                        running_variance: config.decoder.running_variance,
                        ..BatchNormConfig::default()
                    },
                };
                Some(SemanticHead::new(semantic, &params.pp("semantic_head"))?)
            }
        };
        Ok(Self {
            backbone,
            frozen_backbone: false,
            levels: config.levels.clone(),
            pixel_decoder,
            decoder,
            semantic_head,
            activated_low_level: config.semantic_head.activated_low_level,
        })
    }

    /// The same without dropout in the semantic head, for exact comparisons in training mode.
    #[must_use]
    pub fn without_dropout(mut self) -> Self {
        self.semantic_head = self.semantic_head.map(SemanticHead::without_dropout);
        self
    }

    /// The same with a backbone that does not train: it evaluates, and no gradient goes to it.
    #[must_use]
    pub fn with_frozen_backbone(self) -> Self {
        Self { frozen_backbone: true, ..self }
    }

    /// Class and mask logits of `images` `[b, 3, h, w]`, normalised; nothing else is computed.
    ///
    /// # Errors
    /// If the shape does not fit.
    pub fn forward(&self, images: &Tensor) -> Result<Logits> {
        let mode = Mode::eval();
        let pixel = self.pixel_maps(images, &mode)?;
        Logits::of(profile::stage("k-means decoder", || self.decoder.predict(pixel, &mode))?)
    }

    /// As [`Self::forward`], with what each layer of the decoder said of the queries as they entered it, and which pixels it gave
    /// to each of them.
    ///
    /// # Errors
    /// If the shape does not fit.
    pub fn forward_with_layers(&self, images: &Tensor) -> Result<(Logits, Vec<LayerOutput>)> {
        let mode = Mode::eval();
        let pixel = self.pixel_maps(images, &mode)?;
        let decode = || self.decoder.forward(&pixel, Supervision::Deep, &mode);
        let DecoderOutput { layers, prediction } = profile::stage("k-means decoder", decode)?;
        Ok((Logits::of(prediction)?, layers))
    }

    /// What the decoder reads. Nothing else is held.
    fn pixel_maps(&self, images: &Tensor, mode: &Mode) -> Result<Vec<Tensor>> {
        let features = profile::stage("backbone", || self.backbone.forward(images, mode))?;
        let maps = self.maps(&features);
        drop(features);
        Ok(profile::stage("pixel decoder", || self.pixel_decoder.forward_owned(maps, mode))?)
    }

    /// The whole forward pass with everything that it computes on the way.
    ///
    /// # Errors
    /// If the shape does not fit.
    pub fn trace(&self, images: &Tensor, mode: &Mode) -> Result<Trace> {
        let features = profile::stage("backbone", || {
            if self.frozen_backbone {
                return self.backbone.forward(images, &Mode::eval()).map(|features| features.detach());
            }
            self.backbone.forward(images, mode)
        })?;
        let maps = self.maps(&features);
        let pixel = profile::stage("pixel decoder", || self.pixel_decoder.forward_owned(maps, mode))?;
        let decoder =
            profile::stage("k-means decoder", || self.decoder.forward(&pixel, Supervision::Deep, mode))?;
        let semantic_logits = match &self.semantic_head {
            None => None,
            Some(head) => {
                let low = |level| {
                    if self.activated_low_level {
                        features.activated(level)
                    } else {
                        Ok(features.get(level).clone())
                    }
                };
                let (eight, four) = (low(Level::Res3)?, low(Level::Res2)?);
                Some(head.forward(features.get(Level::Res5), &eight, &four, mode)?)
            }
        };
        Ok(Trace { features, pixel, decoder, semantic_logits })
    }

    /// Those that the pixel decoder reads.
    fn maps(&self, features: &Features) -> Vec<Tensor> {
        self.levels.iter().map(|level| features.get(*level).clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kmax_attention::DecoderConfig;
    use kmax_backbones::{BackboneConfig, ResNetConfig};
    use kmax_nn::Factors;
    use kmax_pixel_decoder::PixelDecoderConfig;
    use std::collections::HashMap;

    /// Axial blocks, five maps, and the head that reads some of them.
    #[test]
    fn a_network_with_all_parts_computes_in_bfloat16() -> Result<()> {
        let backbone = ResNetConfig { depths: [1, 1, 2, 1], width: 8, ..ResNetConfig::max_s() };
        let config = NetworkConfig {
            pixel_decoder: PixelDecoderConfig::small(),
            decoder: DecoderConfig::small(),
            ..NetworkConfig::deeplab2(BackboneConfig::ResNet(backbone), 5)
        };
        let kind = config.semantic_head.kind;
        let mut config = config.for_cityscapes();
        (config.semantic_head.kind, config.semantic_head.outputs) = (kind, 6);
        let image = Tensor::randn(0f32, 1.0, (2, 3, 65, 97), &Device::Cpu)?;
        let params = Params::trainable(None, 3, DType::F32, &Device::Cpu);
        KMaxDeepLab::new(&config, &params)?.trace(&image, &Mode::train(0))?;
        let values = params.parameters().into_iter().map(|p| (p.name, p.var.as_detached_tensor()));
        let values: HashMap<_, _> = values.collect();
        let trace = |factors| {
            let params = Params::frozen(values.clone(), DType::F32, &Device::Cpu).with_factors(factors);
            let network = KMaxDeepLab::with_semantic_head(&config, &params)?;
            Ok::<_, crate::error::Error>((network.trace(&image, &Mode::eval())?, network.forward(&image)?))
        };
        let ((found, logits), (expected, _)) = (trace(Factors::Bfloat16)?, trace(Factors::Exact)?);
        let semantic = |trace: &Trace| trace.semantic_logits.clone().expect("a semantic head");
        let maps = |trace: &Trace| [trace.pixel.clone(), vec![semantic(trace)]].concat();
        for (i, (found, expected)) in maps(&found).iter().zip(maps(&expected)).enumerate() {
            let (found, expected) = (found.to_dtype(DType::F64)?, expected.to_dtype(DType::F64)?);
            let rms = |map: &Tensor| map.sqr()?.mean_all()?.sqrt()?.to_scalar::<f64>();
            let apart = rms(&(found - &expected)?)? / rms(&expected)?;
            assert!(apart < 0.05, "map {i}: {apart} of the RMS");
        }
        let prediction = &found.decoder.prediction;
        let list = |logits: &Tensor| logits.flatten_all()?.to_vec1::<f32>();
        assert_eq!(list(&prediction.mask_logits)?, list(&logits.masks)?);
        assert_eq!([semantic(&found).dtype(), logits.classes.dtype()], [DType::F32; 2]);
        Ok(())
    }
}

//! Building any backbone, and one of its maps as a module of Candle.

use crate::config::BackboneConfig;
use crate::convnext::ConvNeXt;
use crate::efficientnet::EfficientNetLite;
use crate::error::Result;
use crate::features::{Backbone, Level};
use crate::resnet::ResNet;
use candle_core::{ModuleT, Tensor};
use kmax_nn::{Mode, Params};

/// Builds the network that `config` describes from parameters directly below `params`.
///
/// # Errors
/// If a field of the configuration is out of range, or a parameter is missing or misshapen.
pub fn build(config: &BackboneConfig, params: &Params) -> Result<Box<dyn Backbone>> {
    config.validate()?;
    Ok(match config {
        BackboneConfig::ResNet(config) => Box::new(ResNet::new(*config, params)?),
        BackboneConfig::ConvNeXt(config) => Box::new(ConvNeXt::new(*config, params)?),
        BackboneConfig::EfficientNetLite(config) => Box::new(EfficientNetLite::new(*config, params)?),
    })
}

/// One map of a backbone, as a module of Candle: from an image `[b, 3, h, w]` to the map at a level, as
/// [`Features::get`](crate::Features::get) gives it.
#[derive(Debug)]
pub struct AtLevel {
    backbone: Box<dyn Backbone>,
    level: Level,
}

impl AtLevel {
    /// The map of `backbone` at `level`.
    pub fn new(backbone: Box<dyn Backbone>, level: Level) -> Self {
        Self { backbone, level }
    }
}

impl ModuleT for AtLevel {
    fn forward_t(&self, image: &Tensor, train: bool) -> candle_core::Result<Tensor> {
        Ok(self.backbone.forward(image, &Mode::of(train))?.get(self.level).clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convnext::{ConvNeXtConfig, ConvNeXtSize};
    use crate::resnet::ResNetConfig;
    use candle_core::{DType, Device};
    use kmax_nn::Factors;
    use kmax_nn::candle_nn::{Sequential, VarBuilder, seq};
    use kmax_nn::layers::Evaluating;
    use std::collections::HashMap;

    /// One network of each kind, small where it can be.
    fn configs() -> [BackboneConfig; 4] {
        let resnet = |base| ResNetConfig { depths: [1, 1, 2, 1], width: 8, ..base };
        let tiny = ConvNeXtConfig::new(ConvNeXtSize::Tiny, 0.0);
        [
            BackboneConfig::ResNet(resnet(ResNetConfig::resnet50_pytorch())),
            BackboneConfig::ResNet(resnet(ResNetConfig::max_s())),
            BackboneConfig::ConvNeXt(ConvNeXtConfig { depths: [1; 4], dims: [8, 16, 16, 16], ..tiny }),
            BackboneConfig::efficientnet_lite0(),
        ]
    }

    /// Maps in bfloat16 or beside them, whatever the network is made of.
    #[test]
    fn every_network_computes_in_bfloat16() -> Result<()> {
        let image = Tensor::randn(0f32, 1.0, (2, 3, 65, 96), &Device::Cpu)?;
        for config in configs() {
            let trainable = Params::trainable(None, 5, DType::F32, &Device::Cpu);
            build(&config, &trainable)?.forward(&image, &Mode::train(1))?;
            let values = trainable.parameters().into_iter().map(|p| (p.name, p.var.as_detached_tensor()));
            let values: HashMap<_, _> = values.collect();
            let features = |factors| {
                let params = Params::frozen(values.clone(), DType::F32, &Device::Cpu).with_factors(factors);
                build(&config, &params)?.forward(&image, &Mode::eval())
            };
            let (found, expected) = (features(Factors::Bfloat16)?, features(Factors::Exact)?);
            for level in Level::ALL {
                let wide = |map: &Tensor| map.to_dtype(DType::F64);
                let rms = |map: &Tensor| map.sqr()?.mean_all()?.sqrt()?.to_scalar::<f64>();
                let (found, expected) = (wide(found.get(level))?, wide(expected.get(level))?);
                let apart = rms(&(found - &expected)?)? / rms(&expected)?;
                assert!(apart < 0.03, "{config:?} {level:?}: {apart} of the RMS");
            }
        }
        Ok(())
    }

    #[test]
    fn a_frozen_network_equals_its_trainable_twin_and_records_no_graph() -> Result<()> {
        let image = Tensor::randn(0f64, 1.0, (2, 3, 33, 40), &Device::Cpu)?;
        for config in configs() {
            let trainable = Params::trainable(None, 5, DType::F64, &Device::Cpu);
            let open = build(&config, &trainable)?;
            // Statistics that a folded norm cannot get right by chance.
            open.forward(&image, &Mode::train(1))?;
            let expected = open.forward(&image, &Mode::eval())?;
            let values = trainable.parameters().into_iter().map(|p| (p.name, p.var.as_detached_tensor()));
            let params = Params::frozen(values.collect::<HashMap<_, _>>(), DType::F64, &Device::Cpu);
            let found = build(&config, &params)?.forward(&image, &Mode::eval())?;
            for level in Level::ALL {
                assert!(!found.get(level).track_op(), "{config:?} {level:?} has a graph");
                let difference = (found.get(level) - expected.get(level))?.abs()?;
                let largest = difference.flatten_all()?.max(0)?.to_scalar::<f64>()?;
                assert!(largest < 1e-9, "{config:?} {level:?}: {largest}");
            }
        }
        Ok(())
    }

    #[test]
    fn a_frozen_network_refuses_to_train() -> Result<()> {
        let image = Tensor::zeros((1, 3, 33, 33), DType::F32, &Device::Cpu)?;
        let config = &configs()[0];
        let trainable = Params::trainable(None, 5, DType::F32, &Device::Cpu);
        build(config, &trainable)?;
        let values = trainable.parameters().into_iter().map(|p| (p.name, p.var.as_detached_tensor()));
        let params = Params::frozen(values.collect::<HashMap<_, _>>(), DType::F32, &Device::Cpu);
        assert!(build(config, &params)?.forward(&image, &Mode::train(0)).is_err());
        Ok(())
    }

    #[test]
    fn a_level_of_a_backbone_stands_in_a_sequence_of_candle() -> Result<()> {
        let config = &configs()[0];
        let trainable = Params::trainable(None, 5, DType::F32, &Device::Cpu);
        build(config, &trainable)?;
        let values = trainable.parameters().into_iter();
        let values = values.map(|p| (format!("encoder.{}", p.name), p.var.as_detached_tensor()));
        let vb = VarBuilder::from_tensors(values.collect(), DType::F32, &Device::Cpu);
        let params = Params::from_var_builder(vb.pp("encoder"));
        let model: Sequential = seq()
            .add(Evaluating(AtLevel::new(build(config, &params)?, Level::Res5)))
            .add(|x: &Tensor| x.mean((2, 3)));
        let image = Tensor::zeros((2, 3, 33, 65), DType::F32, &Device::Cpu)?;
        let pooled = candle_core::Module::forward(&model, &image)?;
        assert_eq!(pooled.dims(), [2, config.channels(Level::Res5)]);
        let level = AtLevel::new(build(config, &trainable)?, Level::Res2);
        assert!(level.forward_t(&image, true)?.track_op());
        Ok(())
    }
}

//! The common interface.

use crate::convnext::ConvNeXt;
use crate::efficientnet::EfficientNetLite;
use crate::resnet::ResNet;
use crate::{BackboneConfig, Error, Features, Level, Result};
use candle_core::Tensor;
use kmax_nn::{Mode, Params};

/// A network from an image to [`Features`].
pub trait Backbone: std::fmt::Debug + Send + Sync {
    /// The features of `image` `[batch, 3, height, width]`: RGB, normalised as [`BackboneConfig::normalization`] says,
    /// any sides. Map sides are `ceil(side / stride)` at sides that are multiples of 32 or one more.
    ///
    /// # Errors
    /// If the image has another shape, or if a network built from frozen parameters is asked to train.
    fn forward(&self, image: &Tensor, mode: &Mode) -> Result<Features>;

    /// Channels of the map at `level`, as [`BackboneConfig::channels`].
    fn channels(&self, level: Level) -> usize;
}

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

/// Refuses what is not a batch of RGB images.
pub(crate) fn check_image(image: &Tensor) -> Result<()> {
    match image.dims() {
        [_, 3, height, width] if *height > 0 && *width > 0 => Ok(()),
        other => Err(Error::Input(other.to_vec())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ConvNeXtConfig, ConvNeXtSize, ResNetConfig};
    use candle_core::{DType, Device};
    use std::collections::HashMap;

    /// One network of each kind, small where it can be.
    fn configs() -> [BackboneConfig; 4] {
        let resnet = |base| ResNetConfig { depths: [1, 1, 2, 1], width: 8, ..base };
        let tiny = ConvNeXtConfig::new(ConvNeXtSize::Tiny, 0.0);
        [
            BackboneConfig::ResNet(resnet(ResNetConfig::resnet50_port())),
            BackboneConfig::ResNet(resnet(ResNetConfig::max_s())),
            BackboneConfig::ConvNeXt(ConvNeXtConfig { depths: [1; 4], dims: [8, 16, 16, 16], ..tiny }),
            BackboneConfig::efficientnet_lite0(),
        ]
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
}

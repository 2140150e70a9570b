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

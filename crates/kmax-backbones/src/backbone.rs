//! The common interface.

use crate::{Error, Features, Level, Result};
use candle_core::Tensor;
use kmax_nn::Mode;

/// A network from an image to [`Features`].
pub trait Backbone: std::fmt::Debug + Send + Sync {
    /// The features of `image` `[batch, 3, height, width]`: RGB, normalised as [`crate::BackboneConfig::normalization`] says,
    /// any sides. Map sides are `ceil(side / stride)` at sides that are multiples of 32 or one more.
    ///
    /// # Errors
    /// If the image has another shape, or if a network built from frozen parameters is asked to train.
    fn forward(&self, image: &Tensor, mode: &Mode) -> Result<Features>;

    /// Channels of the map at `level`, as [`crate::BackboneConfig::channels`].
    fn channels(&self, level: Level) -> usize;
}

/// Refuses what is not a batch of RGB images.
pub(crate) fn check_image(image: &Tensor) -> Result<()> {
    match image.dims() {
        [_, 3, height, width] if *height > 0 && *width > 0 => Ok(()),
        other => Err(Error::Input(other.to_vec())),
    }
}

//! The maps that a backbone hands to the decoders.

use crate::error::{Error, Result};
use candle_core::Tensor;
use kmax_nn::{Activation, Mode};
use serde::{Deserialize, Serialize};

/// One resolution of a backbone, named as in both reference implementations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Output of the stem (`stem`, deeplab2 `stage1`): stride 2 or 4, as [`crate::BackboneConfig::stride`] says.
    Stem,
    /// Stride 4 (`res2`, deeplab2 `stage2`).
    Res2,
    /// Stride 8 (`res3`, deeplab2 `stage3`).
    Res3,
    /// Stride 16 (`res4`, deeplab2 `stage4`).
    Res4,
    /// Stride 32 (`res5`, deeplab2 `stage5`).
    Res5,
}

impl Level {
    /// All levels, finest first.
    pub const ALL: [Self; 5] = [Self::Stem, Self::Res2, Self::Res3, Self::Res4, Self::Res5];

    /// Place in [`Self::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }
}

/// The five maps of one forward pass, each `[batch, channels, height, width]`.
#[derive(Debug, Clone)]
pub struct Features {
    maps: [Tensor; 5],
    activation: Activation,
}

impl Features {
    /// The maps in the order of [`Level::ALL`], and what [`Self::activated`] applies to them.
    pub(crate) fn new(maps: [Tensor; 5], activation: Activation) -> Self {
        Self { maps, activation }
    }

    /// The map that the pixel decoder and the k-means decoder read. The configuration says whether the last
    /// activation is in it ([`crate::FeatureTap`]).
    pub fn get(&self, level: Level) -> &Tensor {
        &self.maps[level.index()]
    }

    /// The same without their history: no gradient goes on to the backbone.
    #[must_use]
    pub fn detach(&self) -> Self {
        Self { maps: self.maps.each_ref().map(Tensor::detach), activation: self.activation }
    }

    /// The map after the network's activation (deeplab2's `res2` to `res5`), which its auxiliary semantic decoder reads
    /// as its low-level features. Computed on request; where the map is activated already, or where the network ends
    /// its blocks without an activation of its own (EfficientNet-Lite), the same as [`Self::get`].
    ///
    /// # Errors
    /// If Candle fails.
    pub fn activated(&self, level: Level) -> Result<Tensor> {
        Ok(self.activation.forward(self.get(level))?)
    }
}

/// A network from an image to [`Features`].
pub trait Backbone: std::fmt::Debug + Send + Sync {
    /// The features of `image` `[batch, 3, height, width]`: RGB, normalised as [`crate::BackboneConfig::normalization`] says,
    /// any height and width. Those of a map are `ceil(size / stride)` at sizes that are multiples of 32 or one more.
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

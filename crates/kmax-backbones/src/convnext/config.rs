//! Settings of ConvNeXt.

use crate::error::{Result, check, check_counts};
use crate::features::Level;
use kmax_base::limits;
use serde::{Deserialize, Serialize};

/// The published sizes (arXiv 2201.03545).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConvNeXtSize {
    /// 28 million parameters.
    Tiny,
    /// 49 million parameters.
    Small,
    /// 88 million parameters.
    Base,
    /// 196 million parameters.
    Large,
}

/// A ConvNeXt. Both reference implementations compute the same function.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ConvNeXtConfig {
    /// Blocks per stage.
    pub depths: [usize; 4],
    /// Channels per stage.
    pub dims: [usize; 4],
    /// Initial value of the layer scales; 0 for no layer scale.
    pub layer_scale: f64,
    /// Probability of dropping a residual branch in the last block; it rises linearly from 0 over the blocks.
    pub drop_path: f64,
    /// Zeros added before and after each axis ahead of the 4x4 stem of stride 4: `[1, 2]` in both reference implementations, so that
    /// sizes of `32 k + 1` fit; `[0, 0]` for classification.
    pub stem_padding: [usize; 2],
    /// The same ahead of the layer norm of each 2x2 downsampling, so that padded pixels become the norm's bias:
    /// `[0, 1]` in both reference implementations; `[0, 0]` for classification.
    pub downsample_padding: [usize; 2],
    /// Added to the variance in layer norms.
    pub norm_eps: f64,
}

impl ConvNeXtConfig {
    /// A published size, padded as both reference implementations do.
    pub fn new(size: ConvNeXtSize, drop_path: f64) -> Self {
        let (depths, first) = match size {
            ConvNeXtSize::Tiny => ([3, 3, 9, 3], 96),
            ConvNeXtSize::Small => ([3, 3, 27, 3], 96),
            ConvNeXtSize::Base => ([3, 3, 27, 3], 128),
            ConvNeXtSize::Large => ([3, 3, 27, 3], 192),
        };
        Self {
            depths,
            dims: [first, 2 * first, 4 * first, 8 * first],
            layer_scale: 1e-6,
            drop_path,
            stem_padding: [1, 2],
            downsample_padding: [0, 1],
            norm_eps: 1e-6,
        }
    }

    /// Channels of the map at `level`.
    pub fn channels(&self, level: Level) -> usize {
        self.dims[level.index().saturating_sub(1)]
    }

    /// Checks the ranges of all fields.
    ///
    /// # Errors
    /// [`crate::Error::Config`] with the first field that is out of its range.
    pub fn validate(&self) -> Result<()> {
        check_counts("depths", &self.depths, limits::BLOCKS)?;
        check_counts("dims", &self.dims, limits::CHANNELS)?;
        check((0.0..=1.0).contains(&self.layer_scale), "layer_scale", self.layer_scale, "0 to 1")?;
        check(
            (0.0..1.0).contains(&self.drop_path),
            "drop_path",
            self.drop_path,
            "at least 0 and less than 1",
        )?;
        check(
            self.stem_padding.iter().all(|p| *p < 4),
            "stem_padding",
            self.stem_padding,
            "less than 4 each",
        )?;
        let padding = self.downsample_padding;
        check(padding.iter().all(|p| *p < 2), "downsample_padding", padding, "less than 2 each")?;
        check(self.norm_eps > 0.0 && self.norm_eps < 1.0, "norm_eps", self.norm_eps, "between 0 and 1")
    }
}

//! Settings of EfficientNet-Lite0.

use crate::error::{Result, check};
use crate::features::Level;
use kmax_nn::BatchNormConfig;
use serde::{Deserialize, Serialize};

/// EfficientNet-Lite0: EfficientNet-B0 (arXiv 1905.11946) without squeeze-and-excitation, with ReLU6. Its shape is fixed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EfficientNetLiteConfig {
    /// Probability of dropping a residual branch, times the block's place among the sixteen.
    pub drop_path: f64,
    /// Added to the variance in batch norms. The published weights: 1e-3.
    pub norm_eps: f64,
    /// Share of the new value in running statistics. The published weights: 0.01.
    pub norm_momentum: f64,
}

impl Default for EfficientNetLiteConfig {
    fn default() -> Self {
        Self { drop_path: 0.2, norm_eps: 1e-3, norm_momentum: 0.01 }
    }
}

/// Blocks of one kind in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    /// Number of blocks; the first has the stride.
    pub repeats: usize,
    /// Height and width of the depthwise kernel.
    pub kernel: usize,
    /// Stride of the first block.
    pub stride: usize,
    /// Inner channels over input channels.
    pub expand: usize,
    /// Output channels.
    pub output: usize,
}

const fn group(repeats: usize, kernel: usize, stride: usize, expand: usize, output: usize) -> Group {
    Group { repeats, kernel, stride, expand, output }
}

impl EfficientNetLiteConfig {
    /// Channels after the first convolution.
    pub const STEM: usize = 32;

    /// The seven groups of table 1 of arXiv 1905.11946.
    pub const GROUPS: [Group; 7] = [
        group(1, 3, 1, 1, 16),
        group(2, 3, 2, 6, 24),
        group(2, 5, 2, 6, 40),
        group(3, 3, 2, 6, 80),
        group(3, 5, 1, 6, 112),
        group(4, 5, 2, 6, 192),
        group(1, 3, 1, 6, 320),
    ];

    /// The last group of each level: where its resolution ends.
    pub const LAST_GROUP: [usize; 5] = [0, 1, 2, 4, 6];

    /// Channels of the map at `level`.
    pub fn channels(&self, level: Level) -> usize {
        Self::GROUPS[Self::LAST_GROUP[level.index()]].output
    }

    /// Checks the ranges of all fields.
    ///
    /// # Errors
    /// [`crate::Error::Config`] with the first field that is out of its range.
    pub fn validate(&self) -> Result<()> {
        check(
            (0.0..1.0).contains(&self.drop_path),
            "drop_path",
            self.drop_path,
            "at least 0 and less than 1",
        )?;
        check(self.norm_eps > 0.0 && self.norm_eps < 1.0, "norm_eps", self.norm_eps, "between 0 and 1")?;
        check((0.0..=1.0).contains(&self.norm_momentum), "norm_momentum", self.norm_momentum, "0 to 1")
    }

    /// Settings of the batch norms.
    pub fn norm(&self) -> BatchNormConfig {
        BatchNormConfig { eps: self.norm_eps, momentum: self.norm_momentum, ..Default::default() }
    }
}

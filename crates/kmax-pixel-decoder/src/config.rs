//! Shape of the pixel decoder.

use crate::error::{Error, Result};
use kmax_base::limits;
use kmax_nn::BatchNormConfig;
use kmax_nn::layers::RunningVariance;
use serde::{Deserialize, Serialize};

/// What a stage's blocks do between their two 1x1 convolutions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageKind {
    /// Axial attention over both axes.
    Axial,
    /// A 3x3 convolution.
    Bottleneck,
}

/// One stage: blocks at one stride.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageConfig {
    /// What the blocks do.
    pub kind: StageKind,
    /// Blocks.
    pub blocks: usize,
    /// Base width; the stage's output has four times as many channels.
    pub channels: usize,
}

/// The pixel decoder (paper section 3.3; deeplab2's `KMaXPixelDecoder`, the PyTorch implementation's `kMaXPixelDecoder`).
///
/// Stages go from the coarsest stride (32) to the finest (4, or 2 with five stages), one for each map given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PixelDecoderConfig {
    /// The stages, coarsest first.
    pub stages: Vec<StageConfig>,
    /// Dilation of the 3x3 convolutions of bottleneck stages: 2 in deeplab2, 1 in the PyTorch implementation.
    pub bottleneck_dilation: usize,
    /// Probability of dropping a block's branch in training.
    #[serde(default)]
    pub drop_path: f64,
    /// Attention heads of axial stages.
    #[serde(default = "eight")]
    pub heads: usize,
    /// Which variance the running statistics keep.
    #[serde(default)]
    pub running_variance: RunningVariance,
}

fn eight() -> usize {
    8
}

impl PixelDecoderConfig {
    /// The published decoder at output stride 4, as in deeplab2: axial stages of 1 and 5 blocks at strides 32 and 16, then bottleneck
    /// stages of one block.
    pub fn deeplab2() -> Self {
        let stage = |kind, blocks, channels| StageConfig { kind, blocks, channels };
        Self {
            stages: vec![
                stage(StageKind::Axial, 1, 512),
                stage(StageKind::Axial, 5, 256),
                stage(StageKind::Bottleneck, 1, 128),
                stage(StageKind::Bottleneck, 1, 64),
            ],
            bottleneck_dilation: 2,
            drop_path: 0.0,
            heads: 8,
            running_variance: RunningVariance::Biased,
        }
    }

    /// As [`Self::deeplab2`], as in the PyTorch implementation.
    pub fn pytorch() -> Self {
        Self { bottleneck_dilation: 1, running_variance: RunningVariance::Unbiased, ..Self::deeplab2() }
    }

    /// With one more bottleneck stage at the finest map (Cityscapes).
    pub fn with_fine_stage(mut self) -> Self {
        self.stages.push(StageConfig { kind: StageKind::Bottleneck, blocks: 1, channels: 32 });
        self
    }

    /// A light decoder for small backbones.
    pub fn small() -> Self {
        let stage = |kind, channels| StageConfig { kind, blocks: 1, channels };
        Self {
            stages: vec![
                stage(StageKind::Axial, 64),
                stage(StageKind::Axial, 48),
                stage(StageKind::Bottleneck, 32),
                stage(StageKind::Bottleneck, 24),
            ],
            bottleneck_dilation: 1,
            running_variance: RunningVariance::Unbiased,
            ..Self::deeplab2()
        }
    }

    /// Channels of each stage's output, coarsest first.
    pub fn output_channels(&self) -> Vec<usize> {
        self.stages.iter().map(|stage| 4 * stage.channels).collect()
    }

    /// Checks the ranges of all fields.
    ///
    /// # Errors
    /// [`Error::Config`] with the first field that is out of its range.
    pub fn validate(&self) -> Result<()> {
        let fail = |field: &str, reason: String| Err(Error::Config { field: field.into(), reason });
        if !(4..=5).contains(&self.stages.len()) {
            return fail("stages", format!("4 or 5 are possible, not {}", self.stages.len()));
        }
        let count = |field: &str, value: usize, most: usize| {
            if (1..=most).contains(&value) {
                return Ok(());
            }
            fail(field, format!("must lie between 1 and {most}, not be {value}"))
        };
        count("heads", self.heads, limits::HEADS)?;
        count("bottleneck_dilation", self.bottleneck_dilation, limits::DILATION)?;
        for (i, stage) in self.stages.iter().enumerate() {
            count(&format!("stages[{i}].blocks"), stage.blocks, limits::BLOCKS)?;
            // The stage's output has four times as many.
            count(&format!("stages[{i}].channels"), stage.channels, limits::CHANNELS / 4)?;
            if stage.kind == StageKind::Axial && !stage.channels.is_multiple_of(self.heads) {
                let (heads, channels) = (self.heads, stage.channels);
                let reason = format!("{heads} heads do not divide {channels} channels");
                return fail(&format!("stages[{i}].channels"), reason);
            }
        }
        if !(0.0..1.0).contains(&self.drop_path) {
            return fail("drop_path", format!("must lie in [0, 1), not {}", self.drop_path));
        }
        Ok(())
    }

    /// Settings of the batch norms, with gain 1.
    pub fn norm(&self) -> BatchNormConfig {
        BatchNormConfig { running_variance: self.running_variance, ..BatchNormConfig::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_valid_and_mistakes_are_named() {
        for config in [
            PixelDecoderConfig::deeplab2(),
            PixelDecoderConfig::pytorch().with_fine_stage(),
            PixelDecoderConfig::small(),
        ] {
            assert!(config.validate().is_ok());
        }
        assert_eq!(PixelDecoderConfig::deeplab2().output_channels(), [2048, 1024, 512, 256]);
        let bad = PixelDecoderConfig { heads: 7, ..PixelDecoderConfig::deeplab2() };
        assert!(bad.validate().is_err_and(|e| e.to_string().contains("stages[0]")));
        let bad = PixelDecoderConfig { drop_path: f64::NAN, ..PixelDecoderConfig::deeplab2() };
        assert!(bad.validate().is_err());
    }
}

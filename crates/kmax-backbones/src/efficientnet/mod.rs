//! EfficientNet-Lite0, the light backbone of the built-in model.

mod block;
mod config;
mod names;

pub use config::{EfficientNetLiteConfig, Group};
pub use names::pretrained_name;

use crate::error::Result;
use crate::features::{Backbone, Features, Level, check_image};
use block::{Block, SameConv};
use candle_core::Tensor;
use kmax_nn::{Activation, Mode, Params};

/// EfficientNet-Lite0 without its classification head. [`Level::Stem`] is the first block's output, of stride 2.
///
/// Parameters: `stem.conv`, and per block `stages.N.blocks.M.{expand,depthwise,project}`, each with its `norm`.
#[derive(Debug)]
pub struct EfficientNetLite {
    config: EfficientNetLiteConfig,
    stem: SameConv,
    stages: Vec<Vec<Block>>,
}

impl EfficientNetLite {
    /// Reads the parameters.
    ///
    /// # Errors
    /// If one is missing or misshapen.
    pub fn new(config: EfficientNetLiteConfig, params: &Params) -> Result<Self> {
        let norm = config.norm();
        let stem = SameConv::full(3, EfficientNetLiteConfig::STEM, norm, &params.pp("stem.conv"))?;
        let groups = &EfficientNetLiteConfig::GROUPS;
        let count: usize = groups.iter().map(|g| g.repeats).sum();
        let (mut input, mut index) = (EfficientNetLiteConfig::STEM, 0);
        let mut stages = Vec::with_capacity(groups.len());
        for (s, group) in groups.iter().enumerate() {
            let mut blocks = Vec::with_capacity(group.repeats);
            for b in 0..group.repeats {
                let stride = if b == 0 { group.stride } else { 1 };
                // The reference implementation counts blocks from 0, so the last one stays below the full rate.
                let drop_path = config.drop_path * index as f64 / count as f64;
                let params = params.pp(format!("stages.{s}.blocks.{b}"));
                blocks.push(Block::new(input, group, stride, drop_path, norm, &params)?);
                (input, index) = (group.output, index + 1);
            }
            stages.push(blocks);
        }
        Ok(Self { config, stem, stages })
    }
}

impl Backbone for EfficientNetLite {
    fn forward(&self, image: &Tensor, mode: &Mode) -> Result<Features> {
        check_image(image)?;
        let mut x = self.stem.forward(image, mode)?;
        let mut outputs = Vec::with_capacity(self.stages.len());
        for blocks in &self.stages {
            for block in blocks {
                x = block.forward(&x, mode)?;
            }
            outputs.push(x.clone());
        }
        let maps = EfficientNetLiteConfig::LAST_GROUP.map(|group| outputs[group].clone());
        // Blocks end linearly, and what follows reads them so.
        Ok(Features::new(maps, Activation::Identity))
    }

    fn channels(&self, level: Level) -> usize {
        self.config.channels(level)
    }
}

#[cfg(test)]
mod tests;

//! ResNet-50 in the forms of the reference implementations (arXiv 1512.03385), and MaX-S (arXiv 2012.00759).

mod block;
mod config;
mod stem;

pub use block::{BlockShape, ResNetBlock};
pub use config::{FeatureTap, KernelInit, ResNetConfig, StemKind};
pub use stem::Stem;

use crate::error::{Error, Result};
use crate::features::{Backbone, Features, Level, check_image};
use candle_core::Tensor;
use kmax_nn::{Activation, Mode, Params};

/// A residual network.
///
/// Parameters: `stem.conv1` (and `conv2`, `conv3` of the Inception stem), `stages.N.blocks.M.{conv1,conv2,conv3,shortcut}`,
/// each with its `norm`; axial blocks have `attention` in place of `conv2`.
#[derive(Debug)]
pub struct ResNet {
    config: ResNetConfig,
    stem: Stem,
    stages: Vec<Vec<ResNetBlock>>,
}

impl ResNet {
    /// Reads the parameters.
    ///
    /// # Errors
    /// If one is missing or misshapen.
    pub fn new(config: ResNetConfig, params: &Params) -> Result<Self> {
        let stem = Stem::new(&config, &params.pp("stem"))?;
        let mut input = config.channels(Level::Stem);
        let mut stride = config.stem_stride();
        let mut stages = Vec::with_capacity(4);
        for (s, depth) in config.depths.into_iter().enumerate() {
            let output = config.channels(Level::ALL[s + 1]);
            let mut blocks = Vec::with_capacity(depth);
            for b in 0..depth {
                // Without the max pool the first stage halves the resolution in its place.
                let step = if b == 0 && (s > 0 || !config.max_pool) { 2 } else { 1 };
                let axial = config.axial_beyond_stride != 0 && stride >= config.axial_beyond_stride;
                let shape = BlockShape { input, inner: output / 4, output, stride: step, axial };
                let tapped = b + 1 == depth && config.features == FeatureTap::BeforeActivation;
                let activation = if tapped { Activation::Identity } else { config.activation };
                let params = params.pp(format!("stages.{s}.blocks.{b}"));
                let drop_path = config.drop_path_at(stride);
                blocks.push(ResNetBlock::new(shape, activation, drop_path, &config, &params)?);
                (input, stride) = (output, stride * step);
            }
            stages.push(blocks);
        }
        Ok(Self { config, stem, stages })
    }
}

impl Backbone for ResNet {
    fn forward(&self, image: &Tensor, mode: &Mode) -> Result<Features> {
        check_image(image)?;
        // A map tapped before its activation is activated on the way into the next stage.
        let pending = match self.config.features {
            FeatureTap::BeforeActivation => self.config.activation,
            FeatureTap::AfterActivation => Activation::Identity,
        };
        let mut map = self.stem.forward(image, mode)?;
        let mut maps = vec![map.clone()];
        for blocks in &self.stages {
            map = pending.forward(&map)?;
            for block in blocks {
                map = block.forward(&map, mode)?;
            }
            maps.push(map.clone());
        }
        let maps = maps.try_into().map_err(|_| Error::Input(image.dims().to_vec()))?;
        Ok(Features::new(maps, pending))
    }

    fn channels(&self, level: Level) -> usize {
        self.config.channels(level)
    }
}

#[cfg(test)]
mod tests;

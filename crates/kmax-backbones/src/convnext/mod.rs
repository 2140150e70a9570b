//! ConvNeXt (arXiv 2201.03545).

mod block;
mod config;

pub use block::ConvNeXtBlock;
pub use config::{ConvNeXtConfig, ConvNeXtSize};

use crate::error::{Error, Result};
use crate::features::{Backbone, Features, Level, check_image};
use block::KERNEL;
use candle_core::Tensor;
use kmax_kernels::pad;
use kmax_nn::{Activation, Conv2d, ConvConfig, LayerNorm, Mode, Params};

/// A ConvNeXt without its classification head.
///
/// Parameters: `stem.{conv,norm}`, `stages.N.downsample.{norm,conv}` for `N` from 1,
/// `stages.N.blocks.M.{depthwise,norm,expand,project,scale}`.
#[derive(Debug)]
pub struct ConvNeXt {
    config: ConvNeXtConfig,
    stem: Conv2d,
    stem_norm: LayerNorm,
    stages: Vec<Stage>,
}

#[derive(Debug)]
struct Stage {
    downsample: Option<(LayerNorm, Conv2d)>,
    blocks: Vec<ConvNeXtBlock>,
}

impl ConvNeXt {
    /// Reads the parameters.
    ///
    /// # Errors
    /// If one is missing or misshapen.
    pub fn new(config: ConvNeXtConfig, params: &Params) -> Result<Self> {
        let (dims, eps) = (config.dims, config.norm_eps);
        // Its blocks read and write float32.
        let patches = |input, output, k| {
            ConvConfig::new(input, output, k).stride(k).padding(0, 0).with_bias().in_float32()
        };
        let stem = Conv2d::new(patches(3, dims[0], 4), KERNEL, &params.pp("stem.conv"))?;
        let stem_norm = LayerNorm::new(dims[0], 1, eps, &params.pp("stem.norm"))?;
        let last = config.depths.iter().sum::<usize>().saturating_sub(1).max(1);
        let mut before = 0;
        let mut stages = Vec::with_capacity(4);
        for (s, depth) in config.depths.into_iter().enumerate() {
            let params = params.pp(format!("stages.{s}"));
            let downsample = match s {
                0 => None,
                _ => {
                    let norm = LayerNorm::new(dims[s - 1], 1, eps, &params.pp("downsample.norm"))?;
                    let shape = patches(dims[s - 1], dims[s], 2);
                    Some((norm, Conv2d::new(shape, KERNEL, &params.pp("downsample.conv"))?))
                }
            };
            let block = |b| {
                let drop_path = config.drop_path * (before + b) as f64 / last as f64;
                ConvNeXtBlock::new(
                    dims[s],
                    config.layer_scale,
                    drop_path,
                    eps,
                    &params.pp(format!("blocks.{b}")),
                )
            };
            stages.push(Stage { downsample, blocks: (0..depth).map(block).collect::<Result<_>>()? });
            before += depth;
        }
        Ok(Self { config, stem, stem_norm, stages })
    }
}

impl Backbone for ConvNeXt {
    fn forward(&self, image: &Tensor, mode: &Mode) -> Result<Features> {
        check_image(image)?;
        let [before, after] = self.config.stem_padding;
        let mut x = pad(image, before, after)?;
        x = self.stem_norm.forward(&self.stem.forward(&x)?)?;
        let mut maps = vec![x.clone()];
        for stage in &self.stages {
            if let Some((norm, conv)) = &stage.downsample {
                // Padded ahead of the norm, as in both reference implementations: the padded pixels become the norm's bias.
                let [before, after] = self.config.downsample_padding;
                x = conv.forward(&norm.forward(&pad(&x, before, after)?)?)?;
            }
            for block in &stage.blocks {
                x = block.forward(&x, mode)?;
            }
            maps.push(x.clone());
        }
        let maps = maps.try_into().map_err(|_| Error::Input(image.dims().to_vec()))?;
        Ok(Features::new(maps, Activation::Gelu))
    }

    fn channels(&self, level: Level) -> usize {
        self.config.channels(level)
    }
}

#[cfg(test)]
mod tests;

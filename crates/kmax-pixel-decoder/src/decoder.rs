//! The pixel decoder as a whole.

use crate::block::StageBlock;
use crate::config::PixelDecoderConfig;
use crate::error::{Error, Result};
use crate::fuse::{ResizeRule, ResizedFuse};
use candle_core::Tensor;
use kmax_nn::{LayerNorm, Mode, Params};

/// Enhances a backbone's maps, coarsest first: layer norm, stage, resized fuse with the next finer map, and so on.
///
/// Parameters: `norms.I`, `stages.I.J` ([`StageBlock`]), `fuses.I` ([`ResizedFuse`]).
#[derive(Debug, Clone)]
pub struct PixelDecoder {
    norms: Vec<LayerNorm>,
    stages: Vec<Vec<StageBlock>>,
    fuses: Vec<ResizedFuse>,
}

impl PixelDecoder {
    /// Reads the parameters; `inputs` are the channels of the maps, coarsest first.
    ///
    /// # Errors
    /// If the configuration is wrong or a parameter is missing or misshapen.
    pub fn new(
        config: &PixelDecoderConfig,
        inputs: &[usize],
        resize: ResizeRule,
        params: &Params,
    ) -> Result<Self> {
        config.validate()?;
        if inputs.len() != config.stages.len() {
            return Err(Error::Maps { given: inputs.len(), stages: config.stages.len() });
        }
        let mut decoder = Self { norms: Vec::new(), stages: Vec::new(), fuses: Vec::new() };
        let mut previous = None;
        for (i, (stage, &input)) in config.stages.iter().zip(inputs).enumerate() {
            decoder.norms.push(LayerNorm::new(input, 1, 1e-6, &params.pp("norms").pp(i))?);
            let mut channels = input;
            if let Some(low) = previous {
                let params = params.pp("fuses").pp(i - 1);
                decoder.fuses.push(ResizedFuse::new(low, input, stage.channels, resize, config, &params)?);
                channels = stage.channels;
            }
            let mut blocks = Vec::new();
            for j in 0..stage.blocks {
                blocks.push(StageBlock::new(channels, *stage, config, &params.pp("stages").pp(i).pp(j))?);
                channels = 4 * stage.channels;
            }
            decoder.stages.push(blocks);
            previous = Some(channels);
        }
        Ok(decoder)
    }

    /// The output of each stage for `maps` `[b, channels, h, w]`, both coarsest first. The first three feed the k-means
    /// decoder, the last is the panoptic feature.
    ///
    /// # Errors
    /// If the number of maps or their shapes do not fit.
    pub fn forward(&self, maps: &[&Tensor], mode: &Mode) -> Result<Vec<Tensor>> {
        self.forward_owned(maps.iter().map(|map| (*map).clone()).collect(), mode)
    }

    /// As [`Self::forward`], with maps of which each is let go once it is read: where nobody else holds them, their memory is free for what
    /// follows.
    ///
    /// # Errors
    /// As [`Self::forward`].
    pub fn forward_owned(&self, maps: Vec<Tensor>, mode: &Mode) -> Result<Vec<Tensor>> {
        if maps.len() != self.stages.len() {
            return Err(Error::Maps { given: maps.len(), stages: self.stages.len() });
        }
        let mut outputs: Vec<Tensor> = Vec::with_capacity(maps.len());
        for (i, map) in maps.into_iter().enumerate() {
            let mut x = self.norms[i].forward(&map)?;
            drop(map);
            if let Some(low) = outputs.last() {
                x = self.fuses[i - 1].forward(low, &x, mode)?;
            }
            for block in &self.stages[i] {
                x = block.forward(&x, mode)?;
            }
            outputs.push(x);
        }
        Ok(outputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};

    #[test]
    fn outputs_keep_the_sizes_of_the_maps() -> Result<()> {
        let params = Params::trainable(None, 0, DType::F32, &Device::Cpu);
        let config = PixelDecoderConfig::small();
        let inputs = [12, 10, 8, 6];
        let decoder = PixelDecoder::new(&config, &inputs, ResizeRule::Parity, &params)?;
        let sizes = [(2, 3), (4, 6), (8, 12), (16, 24)];
        let maps =
            inputs.iter().zip(sizes).map(|(&c, (h, w))| Tensor::ones((2, c, h, w), DType::F32, &Device::Cpu));
        let maps = maps.collect::<candle_core::Result<Vec<_>>>()?;
        let outputs = decoder.forward(&maps.iter().collect::<Vec<_>>(), &Mode::train(1))?;
        for ((output, channels), (h, w)) in outputs.iter().zip(config.output_channels()).zip(sizes) {
            assert_eq!(output.dims(), [2, channels, h, w]);
        }
        assert!(matches!(decoder.forward(&[], &Mode::eval()), Err(Error::Maps { given: 0, stages: 4 })));
        Ok(())
    }
}

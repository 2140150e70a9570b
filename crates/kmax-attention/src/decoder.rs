//! The k-means decoder as a whole.

use crate::config::DecoderConfig;
use crate::error::{Error, Result};
use crate::layer::{DecoderLayer, LayerOutput};
use candle_core::Tensor;
use kmax_heads::{Prediction, Predictor, PredictorConfig};
use kmax_nn::layers::{Pointwise1d, SharedInput};
use kmax_nn::{Activation, Init, Mode, Params, Role, profile};

/// Learned queries, the layers that update them, and the final predictor.
///
/// Parameters: `queries` `[channels, queries]`, `layers.I`, `class_projection`, `mask_projection`, `predictor`.
#[derive(Debug, Clone)]
pub struct KmeansDecoder {
    queries: Tensor,
    layers: Vec<DecoderLayer>,
    per_stride: [usize; 3],
    class_projection: Pointwise1d,
    mask_projection: Pointwise1d,
    predictor: Predictor,
}

/// What the decoder gives.
#[derive(Debug, Clone)]
pub struct DecoderOutput {
    /// One per layer, in order.
    pub layers: Vec<LayerOutput>,
    /// The final prediction, with class logits.
    pub prediction: Prediction,
}

/// Which of the layers' class logits are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Supervision {
    /// None: only the final prediction is wanted.
    Final,
    /// All: for deep supervision.
    Deep,
}

impl KmeansDecoder {
    /// Reads the parameters. `maps` are the channels of the pixel decoder's outputs at strides 32, 16 and 8, `panoptic` those
    /// of its finest output, `classes` counts without void.
    ///
    /// # Errors
    /// If the configuration is wrong or a parameter is missing or misshapen.
    pub fn new(
        config: &DecoderConfig,
        maps: [usize; 3],
        panoptic: usize,
        classes: usize,
        params: &Params,
    ) -> Result<Self> {
        config.validate()?;
        let DecoderConfig { channels, queries, .. } = *config;
        let norm = config.norm();
        let of_layer =
            maps.into_iter().zip(config.layers).flat_map(|(map, count)| std::iter::repeat_n(map, count));
        let layers = of_layer
            .enumerate()
            .map(|(i, map)| DecoderLayer::new(map, classes, config, &params.pp("layers").pp(i)))
            .collect::<Result<_>>()?;
        let project = |name: &str| {
            let init = Init::TruncatedNormal { std: (2.0 / channels as f64).sqrt() };
            Pointwise1d::normed(channels, channels, init, norm, Activation::Gelu, &params.pp(name))
        };
        let predictor = PredictorConfig {
            pixel: panoptic,
            query: channels,
            hidden: config.head_hidden,
            embedding: config.embedding,
            classes,
            norm,
        };
        let init = Init::TruncatedNormal { std: 1.0 };
        Ok(Self {
            queries: params.get("queries", &[channels, queries], init, Role::Embedding)?,
            layers,
            per_stride: config.layers,
            class_projection: project("class_projection")?,
            mask_projection: project("mask_projection")?,
            predictor: Predictor::new(predictor, &params.pp("predictor"))?,
        })
    }

    /// Decodes the pixel decoder's outputs, coarsest first: the first three feed the layers, the last is the panoptic
    /// feature. A training step may leave out queries ([`Mode::dropping_queries`]); its output has those that are left. `supervision` says whether the layers' class logits are computed too.
    ///
    /// # Errors
    /// If there are fewer than three maps or their shapes do not fit.
    pub fn forward(&self, maps: &[Tensor], supervision: Supervision, mode: &Mode) -> Result<DecoderOutput> {
        let mut layers = Vec::with_capacity(self.layers.len());
        let classify = supervision == Supervision::Deep;
        let prediction = self.run(maps.to_vec(), classify, mode, |output| layers.push(output))?;
        Ok(DecoderOutput { layers, prediction })
    }

    /// As [`Self::forward`], for the final prediction alone: nothing of a layer is kept, and each map is let go once it is read. Where nobody
    /// else holds them, their memory is free for what follows.
    ///
    /// # Errors
    /// As [`Self::forward`].
    pub fn predict(&self, maps: Vec<Tensor>, mode: &Mode) -> Result<Prediction> {
        self.run(maps, false, mode, drop)
    }

    /// `keep` gets each layer's output; `classify` asks for its class logits.
    fn run(
        &self,
        mut maps: Vec<Tensor>,
        classify: bool,
        mode: &Mode,
        mut keep: impl FnMut(LayerOutput),
    ) -> Result<Prediction> {
        let given = maps.len();
        let (Some(panoptic), true) = (maps.pop(), given >= 3) else {
            let reason = format!("{given} maps given, at least 3 needed");
            return Err(Error::Config { field: "maps", reason });
        };
        // The last of three feeds the layers too; what comes behind three does not.
        if given == 3 {
            maps.push(panoptic.clone());
        }
        maps.truncate(self.per_stride.len());
        let queries = match mode.queries(self.queries.dim(1)?) {
            Some(kept) => {
                let kept = Tensor::new(kept, self.queries.device())?;
                self.queries.index_select(&kept, 1)?
            }
            None => self.queries.clone(),
        };
        let (channels, count) = queries.dims2()?;
        let batch = panoptic.dim(0)?;
        let mut queries = queries.unsqueeze(0)?.broadcast_as((batch, channels, count))?.contiguous()?;
        let mut rest = self.layers.iter();
        for (map, count) in maps.into_iter().zip(self.per_stride) {
            let map = SharedInput::new(map, Activation::Gelu);
            for layer in rest.by_ref().take(count) {
                let output = layer.forward_shared(&map, &queries, classify, mode)?;
                queries = output.queries.clone();
                keep(output);
            }
        }
        profile::stage("heads", || -> Result<_> {
            let class_embedding = self.class_projection.forward(&queries, mode)?;
            let mask_embedding = self.mask_projection.forward(&queries, mode)?;
            Ok(self.predictor.forward(&panoptic, &mask_embedding, Some(&class_embedding), mode)?)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};

    #[test]
    fn every_layer_speaks_at_its_stride() -> Result<()> {
        let params = Params::trainable(None, 0, DType::F32, &Device::Cpu);
        let config = DecoderConfig { layers: [1, 0, 2], queries: 5, ..DecoderConfig::small() };
        let decoder = KmeansDecoder::new(&config, [8, 7, 6], 4, 3, &params)?;
        let map = |c: usize, size: usize| Tensor::ones((2, c, size, size), DType::F32, &Device::Cpu);
        let maps = [map(8, 3)?, map(7, 5)?, map(6, 9)?, map(4, 17)?];
        let output = decoder.forward(&maps, Supervision::Deep, &Mode::train(0))?;
        let heights: Vec<_> = output.layers.iter().map(|l| l.prediction.mask_logits.dims()[2]).collect();
        assert_eq!(heights, [3, 9, 9]);
        assert_eq!(output.layers[1].assignment.dims(), [2, 81]);
        assert_eq!(output.prediction.mask_logits.dims(), [2, 5, 17, 17]);
        let class_logits = output.layers[0].prediction.class_logits.as_ref().map(|t| t.dims().to_vec());
        assert_eq!(class_logits, Some(vec![2, 5, 4]));
        let quiet = decoder.forward(&maps, Supervision::Final, &Mode::train(0))?;
        assert!(quiet.layers[0].prediction.class_logits.is_none());
        let alone = decoder.predict(maps.to_vec(), &Mode::eval())?;
        let beside = decoder.forward(&maps, Supervision::Final, &Mode::eval())?.prediction;
        let list = |x: &Tensor| x.flatten_all()?.to_vec1::<f32>();
        assert_eq!(list(&alone.mask_logits)?, list(&beside.mask_logits)?);
        assert!(decoder.predict(maps[..2].to_vec(), &Mode::eval()).is_err());
        Ok(())
    }

    #[test]
    fn a_decoder_of_a_var_builder_equals_its_trainable_twin() -> Result<()> {
        let config = DecoderConfig { layers: [2, 1, 0], queries: 5, ..DecoderConfig::small() };
        let build = |params: &Params| KmeansDecoder::new(&config, [8, 7, 6], 4, 3, params);
        let open = Params::trainable(None, 4, DType::F64, &Device::Cpu);
        let decoder = build(&open)?;
        let map = |c: usize, size: usize| Tensor::randn(0f64, 1.0, (2, c, size, size), &Device::Cpu);
        let maps = [map(8, 3)?, map(7, 5)?, map(6, 9)?, map(4, 17)?];
        decoder.forward(&maps, Supervision::Deep, &Mode::train(0))?;
        let expected = decoder.forward(&maps, Supervision::Final, &Mode::eval())?;
        let values = open.parameters().into_iter();
        let values = values.map(|p| (format!("decoder.{}", p.name), p.var.as_detached_tensor()));
        let vb = kmax_nn::candle_nn::VarBuilder::from_tensors(values.collect(), DType::F64, &Device::Cpu);
        let frozen = build(&Params::from_var_builder(vb.pp("decoder")))?;
        let found = frozen.forward(&maps, Supervision::Final, &Mode::eval())?;
        let apart = (found.prediction.mask_logits - expected.prediction.mask_logits)?.abs()?.max_all()?;
        assert!(apart.to_scalar::<f64>()? < 1e-9);
        Ok(())
    }
}

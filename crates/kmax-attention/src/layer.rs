//! One layer of the k-means decoder.

use crate::config::DecoderConfig;
use crate::error::Result;
use crate::kmeans;
use candle_core::Tensor;
use kmax_heads::{Prediction, Predictor, PredictorConfig};
use kmax_kernels::softmax;
use kmax_nn::layers::{Pointwise1d, SharedInput};
use kmax_nn::{Activation, BatchNorm, Chain, ConvConfig, ConvNorm, DropPath, Init, Mode, Params};

/// k-means cross-attention, self-attention among queries and a feed-forward network (deeplab2's
/// `DualPathTransformerLayer` with `use_kmeans_cross_attention`; the PyTorch implementation's `kMaXTransformerLayer`).
///
/// Both attentions read the same projection of the queries, made before either update, and their updates are added.
///
/// Parameters: `query_conv1`, `pixel_conv1`, `query_qkv`, `pixel_value`, `self_attention.{similarity_norm,
/// retrieved_norm}`, `query_conv3`, `feed_forward1`, `feed_forward2`, `predictor`, `kmeans_norm`, `kmeans_conv3`.
#[derive(Debug, Clone)]
pub struct DecoderLayer {
    query_conv1: Pointwise1d,
    pixel_conv1: ConvNorm,
    query_qkv: Pointwise1d,
    pixel_value: ConvNorm,
    similarity_norm: BatchNorm,
    retrieved_norm: BatchNorm,
    query_conv3: Pointwise1d,
    feed_forward1: Pointwise1d,
    feed_forward2: Pointwise1d,
    predictor: Predictor,
    kmeans_norm: BatchNorm,
    kmeans_conv3: Pointwise1d,
    drop_path: DropPath,
    heads: usize,
    width: usize,
}

/// What a layer gives.
#[derive(Debug, Clone)]
pub struct LayerOutput {
    /// What the layer's predictor said of the queries before the update.
    pub prediction: Prediction,
    /// The query each pixel was assigned to, row-major: `[b, h * w]`, `u32`.
    pub assignment: Tensor,
    /// The queries after the layer: `[b, channels, queries]`.
    pub queries: Tensor,
}

impl DecoderLayer {
    /// Reads the parameters; `pixel` is the number of channels of the map that the layer reads.
    ///
    /// # Errors
    /// If one is missing or misshapen.
    pub fn new(pixel: usize, classes: usize, config: &DecoderConfig, params: &Params) -> Result<Self> {
        let norm = config.norm();
        let DecoderConfig { channels, width, heads, feed_forward, .. } = *config;
        let (bottleneck, value) = (2 * width, 2 * width);
        let he = |input: usize| Init::TruncatedNormal { std: (2.0 / input as f64).sqrt() };
        let projection = Init::TruncatedNormal { std: (bottleneck as f64).powf(-0.5) };
        let sequence = |input, output, init, gain: f64, activation, name: &str| {
            Pointwise1d::normed(input, output, init, norm.with_gain(gain), activation, &params.pp(name))
        };
        let (gelu, identity) = (Activation::Gelu, Activation::Identity);
        let map = |shape: ConvConfig, init, activation, name: &str| {
            ConvNorm::new(shape, init, norm, activation, &params.pp(name))
        };
        let predictor = PredictorConfig {
            pixel: bottleneck,
            query: bottleneck,
            hidden: config.head_hidden,
            embedding: config.embedding,
            classes,
            norm,
        };
        let attention = params.pp("self_attention");
        Ok(Self {
            query_conv1: sequence(channels, bottleneck, he(channels), 1.0, gelu, "query_conv1")?,
            pixel_conv1: map(ConvConfig::new(pixel, bottleneck, 1), he(pixel), gelu, "pixel_conv1")?,
            query_qkv: sequence(bottleneck, 2 * width + value, projection, 1.0, identity, "query_qkv")?,
            // What the centers are sums of.
            pixel_value: map(
                ConvConfig::new(bottleneck, value, 1).in_float32(),
                projection,
                identity,
                "pixel_value",
            )?,
            similarity_norm: BatchNorm::new(heads, norm, &attention.pp("similarity_norm"))?,
            retrieved_norm: BatchNorm::new(value, norm, &attention.pp("retrieved_norm"))?,
            // The three updates start at zero, so that a new layer leaves the queries alone.
            query_conv3: sequence(value, channels, he(value), 0.0, identity, "query_conv3")?,
            feed_forward1: sequence(channels, feed_forward, he(channels), 1.0, gelu, "feed_forward1")?,
            feed_forward2: sequence(
                feed_forward,
                channels,
                he(feed_forward),
                0.0,
                identity,
                "feed_forward2",
            )?,
            predictor: Predictor::new(predictor, &params.pp("predictor"))?,
            kmeans_norm: BatchNorm::new(value, norm, &params.pp("kmeans_norm"))?,
            kmeans_conv3: sequence(value, channels, he(value), 0.0, identity, "kmeans_conv3")?,
            drop_path: DropPath { rate: config.drop_path },
            heads,
            width,
        })
    }

    /// Updates `queries` `[b, channels, queries]` from `pixels` `[b, pixel, h, w]`, which go through a GELU first. Class logits
    /// are computed only if `classify`: the update does not need them.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn forward(
        &self,
        pixels: &Tensor,
        queries: &Tensor,
        classify: bool,
        mode: &Mode,
    ) -> Result<LayerOutput> {
        let pixels = SharedInput::new(pixels.clone(), Activation::Gelu);
        self.forward_shared(&pixels, queries, classify, mode)
    }

    /// As [`Self::forward`], of pixels that other layers read as well.
    pub(crate) fn forward_shared(
        &self,
        pixels: &SharedInput,
        queries: &Tensor,
        classify: bool,
        mode: &Mode,
    ) -> Result<LayerOutput> {
        let pixel_space = pixels.through(&Chain::new(&self.pixel_conv1), mode)?;
        let query_space = self.query_conv1.forward(queries, mode)?;

        let classes = classify.then_some(&query_space);
        let prediction = self.predictor.forward(&pixel_space, &query_space, classes, mode)?;
        let assignment = kmeans::assign(&prediction.mask_logits.flatten_from(2)?)?;
        let values = self.pixel_value.forward(&pixel_space, mode)?.flatten_from(2)?;
        let sums = kmeans::update(&values, &assignment, queries.dim(2)?)?;
        let updated = |queries: &Tensor, layer: &Pointwise1d, input: &Tensor, activation| {
            layer.forward_onto(input, queries, self.drop_path, activation, mode)
        };
        let centers = self.kmeans_norm.forward(&sums, mode)?;
        let queries = updated(queries, &self.kmeans_conv3, &centers, Activation::Identity)?;
        let attended = self.attend(&query_space, mode)?;
        let queries = updated(&queries, &self.query_conv3, &attended, Activation::Gelu)?;
        let hidden = self.feed_forward1.forward(&queries, mode)?;
        let queries = updated(&queries, &self.feed_forward2, &hidden, Activation::Gelu)?;
        Ok(LayerOutput { prediction, assignment, queries })
    }

    /// Self-attention among queries without `1/sqrt(d)`: a batch norm per head scales the similarities.
    fn attend(&self, query_space: &Tensor, mode: &Mode) -> Result<Tensor> {
        let (batch, _, length) = query_space.dims3()?;
        let qkv = self.query_qkv.forward(query_space, mode)?;
        let part = |start: usize, depth: usize| -> Result<Tensor> {
            let part = qkv.narrow(1, start, depth)?.contiguous()?;
            Ok(part.reshape((batch * self.heads, depth / self.heads, length))?)
        };
        let (query, key) = (part(0, self.width)?, part(self.width, self.width)?);
        let value = part(2 * self.width, 2 * self.width)?;
        let similarity = query.transpose(1, 2)?.matmul(&key)?;
        let similarity = similarity.reshape((batch, self.heads, length, length))?;
        let weights = softmax(&self.similarity_norm.forward(&similarity, mode)?, 3)?;
        let weights = weights.reshape((batch * self.heads, length, length))?;
        let retrieved = value.matmul(&weights.transpose(1, 2)?)?;
        let retrieved = retrieved.reshape((batch, 2 * self.width, length))?;
        Ok(self.retrieved_norm.forward_activated(&retrieved, Activation::Gelu, mode)?)
    }
}

//! Shape of the k-means decoder.

use crate::error::{Error, Result};
use kmax_base::limits;
use kmax_nn::BatchNormConfig;
use kmax_nn::layers::RunningVariance;
use serde::{Deserialize, Serialize};

/// The k-means decoder (paper section 3.2; deeplab2's `KMaXTransformerDecoder`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DecoderConfig {
    /// Layers that read the pixel decoder's maps at strides 32, 16 and 8.
    pub layers: [usize; 3],
    /// Queries, also called cluster centers or mask slots.
    pub queries: usize,
    /// Channels of a query.
    pub channels: usize,
    /// Base width of a layer: keys are as wide, values and the bottleneck twice.
    pub width: usize,
    /// Attention heads of the self-attention among queries.
    pub heads: usize,
    /// Width of the feed-forward network.
    pub feed_forward: usize,
    /// Channels between the two 1x1 convolutions of a predictor's pixel head.
    pub head_hidden: usize,
    /// Length of a pixel's normalised feature.
    pub embedding: usize,
    /// Probability of dropping an update of the queries in training.
    pub drop_path: f64,
    /// Which variance the running statistics keep.
    pub running_variance: RunningVariance,
}

impl Default for DecoderConfig {
    /// 128 queries and two layers per stride, as published.
    fn default() -> Self {
        Self {
            layers: [2, 2, 2],
            queries: 128,
            channels: 256,
            width: 128,
            heads: 8,
            feed_forward: 2048,
            head_hidden: 256,
            embedding: 128,
            drop_path: 0.0,
            running_variance: RunningVariance::Unbiased,
        }
    }
}

impl DecoderConfig {
    /// A light decoder for small models: one layer per stride, 32 queries of 128 channels.
    pub fn small() -> Self {
        Self {
            layers: [1, 1, 1],
            queries: 32,
            channels: 128,
            width: 64,
            feed_forward: 512,
            head_hidden: 128,
            embedding: 64,
            ..Self::default()
        }
    }

    /// Checks the ranges of all fields.
    ///
    /// # Errors
    /// [`Error::Config`] with the first field that is out of its range.
    pub fn validate(&self) -> Result<()> {
        let fail = |field, reason| Err(Error::Config { field, reason });
        if self.layers.iter().any(|layers| *layers > limits::BLOCKS) {
            return fail("layers", format!("at most {} each, not {:?}", limits::BLOCKS, self.layers));
        }
        let counts = [
            ("queries", self.queries, limits::QUERIES),
            ("channels", self.channels, limits::CHANNELS),
            ("width", self.width, limits::CHANNELS),
            ("heads", self.heads, limits::HEADS),
            ("feed_forward", self.feed_forward, limits::CHANNELS),
            ("head_hidden", self.head_hidden, limits::CHANNELS),
            ("embedding", self.embedding, limits::CHANNELS),
        ];
        for (field, value, most) in counts {
            if value == 0 {
                return fail(field, "must be at least 1".into());
            }
            if value > most {
                return fail(field, format!("must be at most {most}, not {value}"));
            }
        }
        if !self.width.is_multiple_of(self.heads) {
            return fail("heads", format!("{} heads do not divide a width of {}", self.heads, self.width));
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

//! k-means cross-attention and the kMaX transformer decoder.
//!
//! Pixels are assigned to queries by an argmax over queries ([`kmeans::assign`]), queries are updated by the sum of
//! their pixels ([`kmeans::update`]), once per [`DecoderLayer`]; [`KmeansDecoder`] stacks the layers and ends in a
//! final prediction.
//!
//! ```
//! use kmax_attention::candle_core::{DType, Device, Tensor};
//! use kmax_attention::{DecoderConfig, KmeansDecoder, Mode, Params, Supervision};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Channels of the maps at strides 32, 16 and 8, and of the panoptic feature at stride 4.
//! let (channels, panoptic, classes) = ([256, 128, 64], 32, 5);
//! let params = Params::trainable(None, 1, DType::F32, &Device::Cpu);
//! let decoder = KmeansDecoder::new(&DecoderConfig::small(), channels, panoptic, classes, &params)?;
//!
//! // What a pixel decoder makes of an image of 64 by 96 pixels.
//! let map = |channels: usize, stride: usize| Tensor::randn(0f32, 1.0, (1, channels, 64 / stride, 96 / stride), &Device::Cpu);
//! let maps = [map(256, 32)?, map(128, 16)?, map(64, 8)?, map(32, 4)?];
//! let output = decoder.forward(&maps, Supervision::Final, &Mode::eval())?;
//! // The query that each pixel of the coarsest map was assigned to.
//! println!("{:?}", output.layers[0].assignment.to_vec2::<u32>()?);
//! assert_eq!(output.prediction.mask_logits.dims(), [1, 32, 16, 24]);
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod config;
mod decoder;
mod error;
pub mod kmeans;
mod layer;

pub use candle_core;
pub use config::DecoderConfig;
pub use decoder::{DecoderOutput, KmeansDecoder, Supervision};
pub use error::{Error, Result};
pub use kmax_base::ErrorKind;
pub use kmax_heads::Prediction;
pub use kmax_nn::layers::RunningVariance;
pub use kmax_nn::{Mode, Params};
pub use layer::{DecoderLayer, LayerOutput};

/// The program of the README runs as it stands.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

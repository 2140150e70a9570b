//! k-means cross-attention and the kMaX transformer decoder.
//!
//! Pixels are assigned to queries by an argmax over queries ([`kmeans::assign`]), queries are updated by the sum of
//! their pixels ([`kmeans::update`]), once per [`DecoderLayer`]; [`KmeansDecoder`] stacks the layers and ends in a
//! final prediction.

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

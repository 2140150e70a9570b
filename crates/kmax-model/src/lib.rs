//! kMaX-DeepLab models (arXiv 2207.04044): configuration, presets, the network, model folders, post-processing and
//! [`Segmenter`], which joins them.
//!
//! Most users want the crate `kmax`, which shows all this and more under one roof. Features: `hub` (models by the name of
//! a repository of the Hugging Face Hub) and `builtin` (the built-in models).

#![forbid(unsafe_code)]

pub mod config;
mod error;
pub mod folder;
mod network;
pub mod postprocess;
mod presets;
mod segmenter;
mod source;

pub use candle_core;
pub use config::{ClassOrder, Config, Draft, MODEL_TYPE, Parsed, PreprocessConfig, ResizeConfig};
pub use error::{Error, Result};
pub use folder::{Model, ModelCard};
pub use image::RgbImage;
pub use kmax_losses::LossConfig;
pub use kmax_masks::{Categories, Dataset, LabelMap, Panoptic, Rle};
pub use kmax_nn::{Params, profile};
pub use network::{KMaxDeepLab, Logits, NetworkConfig, SemanticHeadConfig, Trace};
pub use postprocess::PostprocessConfig;
pub use presets::{LICENSE, Preset, Published, Reference, Release};
pub use segmenter::{Precision, Prediction, Segmenter, SegmenterBuilder};
pub use source::MODEL_FILES;

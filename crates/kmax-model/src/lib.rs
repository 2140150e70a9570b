//! kMaX-DeepLab models (arXiv 2207.04044): configuration, presets, the network, model folders, post-processing and
//! [`Segmenter`], which joins them.
//!
//! Most users want the crate `kmax`, which shows all this and more under one roof. Features: `hub` (models by the name of
//! a repository of the Hugging Face Hub) and `builtin` (the built-in models).
//!
//! ```
//! use kmax_model::candle_core::{DType, Device, Tensor};
//! use kmax_model::{KMaxDeepLab, Params, Preset};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let preset = Preset::named("kmax-people").ok_or("no such preset")?;
//! let config = preset.config();
//! // Weights drawn from a seed; `Model::named` reads those of a model.
//! let params = Params::trainable(None, 1, DType::F32, &Device::Cpu);
//! let network = KMaxDeepLab::new(&config.network, &params)?;
//!
//! let images = Tensor::zeros((1, 3, 65, 97), DType::F32, &Device::Cpu)?;
//! let logits = network.forward(&images)?;
//! // Void is the last class.
//! assert_eq!(logits.classes.dim(2)?, config.categories.len() + 1);
//! println!("{} queries, masks {:?}", logits.masks.dim(1)?, logits.masks.dims());
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

pub mod config;
mod error;
mod explanation;
pub mod folder;
mod network;
pub mod postprocess;
mod precision;
mod presets;
mod segmenter;
mod source;

pub use candle_core;
pub use config::{ClassOrder, Config, Draft, MODEL_TYPE, Parsed, PreprocessConfig, ResizeConfig};
pub use error::{Error, Result};
pub use explanation::{Explanation, Nearest, Step};
pub use folder::{Model, ModelCard, QuantizablePart, Quantized};
pub use image::RgbImage;
pub use kmax_losses::LossConfig;
pub use kmax_masks::{Categories, Dataset, LabelMap, Panoptic, Rle};
pub use kmax_nn::{Params, device, profile};
pub use kmax_tiles::{Bands, Tiling};
pub use network::{KMaxDeepLab, Logits, NetworkConfig, SemanticHeadConfig, Trace};
pub use postprocess::PostprocessConfig;
pub use precision::{ParsePrecisionError, Precision, PrecisionChoice};
pub use presets::{Encoder, LICENSE, Place, Preset, Published, Reference, Release};
pub use segmenter::{DeviceSource, Prediction, Prepared, Segmenter, SegmenterBuilder};
pub use source::{Cache, CachedModel, MODEL_FILES, ModelFile, ModelRepo, is_remote};
#[cfg(feature = "hub")]
pub use source::{HubModel, fetch_model, hub_files};

/// The program of the README runs as it stands.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

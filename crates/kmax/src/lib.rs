//! kMaX-DeepLab panoptic segmentation: models, inference, the Hugging Face Hub and training.

mod config;
pub mod convert;
mod error;
mod files;
pub mod folder;
#[cfg(feature = "hub")]
pub mod hub;
mod network;
pub mod postprocess;
mod presets;
mod segmenter;
mod source;
pub mod train;

pub use config::{ClassOrder, Config, MODEL_TYPE, Parsed, PreprocessConfig, ResizeConfig};
pub use error::{Error, Result};
pub use files::write_atomically;
pub use folder::{Model, ModelCard};
pub use kmax_datasets::photo::read_photo;
pub use kmax_nn::ops::kernels;
pub use kmax_nn::profile;
pub use network::{KMaxDeepLab, Logits, NetworkConfig, SemanticHeadConfig, Trace};
pub use postprocess::PostprocessConfig;
pub use presets::{Dataset, Preset, Published};
pub use segmenter::{Prediction, Segmenter};
pub use source::{HubRepo, LICENSE, RELEASES, Release, releases};

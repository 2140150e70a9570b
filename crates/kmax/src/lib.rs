//! kMaX-DeepLab panoptic segmentation: models, inference, the Hugging Face Hub and training.

mod config;
mod error;
mod files;
mod folder;
#[cfg(feature = "hub")]
pub mod hub;
mod network;
pub mod postprocess;
mod source;
pub mod train;

pub use config::Config;
pub use error::{Error, Result};
pub use network::{KMaxDeepLab, Logits, NetworkConfig, SemanticHeadConfig, Trace};
pub use postprocess::PostprocessConfig;
pub use source::HubRepo;

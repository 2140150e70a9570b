//! Modules with parameters.

mod activation;
mod batch_norm;
mod conv;
mod drop_path;
mod layer_norm;

pub use activation::Activation;
pub use batch_norm::{BatchNorm, BatchNormConfig, RunningVariance};
pub use conv::{Conv2d, ConvConfig, ConvNorm};
pub use drop_path::DropPath;
pub use layer_norm::LayerNorm;

//! Modules with parameters.

mod activation;
mod axial;
mod batch_norm;
mod chain;
mod channel_mlp;
mod conv;
mod drop_path;
mod layer_norm;
mod pointwise;

pub use activation::Activation;
pub use axial::{AxialAttention, AxialAttention2d, AxialConfig, MAX_SPAN};
pub use batch_norm::{BatchNorm, BatchNormConfig, RunningVariance};
pub use chain::{Chain, Shortcut};
pub use channel_mlp::ChannelMlp;
pub use conv::{Conv2d, ConvConfig, ConvNorm};
pub use drop_path::DropPath;
pub use layer_norm::LayerNorm;
pub use pointwise::Pointwise1d;

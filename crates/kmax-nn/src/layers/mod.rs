//! Modules with parameters.

mod axial;
mod batch_norm;
mod chain;
mod channel_mlp;
mod conv;
mod conv_norm;
mod drop_path;
mod dropout;
mod evaluating;
mod layer_norm;
mod mask_product;
mod modules;
mod pointwise;
mod recomputed;
mod shared_input;

pub use axial::{AxialAttention, AxialAttention2d, AxialConfig, MAX_SPAN};
pub use batch_norm::{BatchNorm, BatchNormConfig, RunningVariance};
pub use chain::Chain;
pub use channel_mlp::{ChannelMlp, ChannelMlpConfig};
pub use conv::{Conv2d, ConvConfig};
pub use conv_norm::ConvNorm;
pub use drop_path::DropPath;
pub use dropout::Dropout;
pub use evaluating::Evaluating;
pub use layer_norm::LayerNorm;
pub use mask_product::MaskProduct;
pub use pointwise::Pointwise1d;
pub use shared_input::SharedInput;

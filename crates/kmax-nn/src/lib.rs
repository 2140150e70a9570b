//! Layers and tensor functions for kMaX-DeepLab on Candle, each with its gradient.
//!
//! * [`Params`] hands out named parameters, from a file for inference or as variables for training.
//! * [`Mode`] says whether a forward pass trains (batch statistics, drop path) or evaluates.
//! * [`optim`] is AdamW with parameter groups and its schedule.
//! * [`profile`] says where the time of a forward pass goes.
//! * [`layers`] are modules with parameters; [`ops`] are functions on tensors that Candle lacks or does slowly.
//!
//! Feature maps are `[batch, channels, height, width]`.

pub mod error;
pub mod init;
pub mod layers;
pub mod mode;
pub mod ops;
pub mod optim;
pub mod params;
pub mod profile;

pub use error::{Error, Result};
pub use init::Init;
pub use layers::{
    Activation, BatchNorm, BatchNormConfig, ChannelMlp, Conv2d, ConvConfig, ConvNorm, DropPath, LayerNorm,
};
pub use mode::Mode;
pub use params::{Parameter, Params, Role, TensorSource};

//! Layers and their parameters for kMaX-DeepLab on Candle, each with its gradient.
//!
//! * [`Params`] hands out named parameters: from a file or a Candle [`VarBuilder`](candle_nn::VarBuilder) for inference, or
//!   as variables for training.
//! * [`Mode`] says whether a forward pass trains (batch statistics, drop path) or evaluates.
//! * [`layers`] are modules with parameters. Whether several of them run as one fused operation, in inference, or as one
//!   step of the gradient, in training, is decided by [`layers::Chain`] and [`layers::ChannelMlp`]; models say only what
//!   follows what.
//! * [`profile`] says where the time of a forward pass goes.
//!
//! Feature maps are `[batch, channels, height, width]`. Layers that know no mode are Candle's
//! [`Module`](candle_core::Module)s, the others its [`ModuleT`](candle_core::ModuleT)s.

#![forbid(unsafe_code)]

mod error;
mod init;
pub mod layers;
mod mode;
mod params;

pub use candle_core;
pub use candle_nn;
pub use error::{Error, Result};
pub use init::Init;
pub use kmax_base::ErrorKind;
pub use kmax_kernels::{Activation, ConvParams, kernels, profile};
pub use layers::{
    BatchNorm, BatchNormConfig, Chain, ChannelMlp, Conv2d, ConvConfig, ConvNorm, DropPath, LayerNorm,
};
pub use mode::Mode;
pub use params::{Parameter, Params, Role, TensorSource};

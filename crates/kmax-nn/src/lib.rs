//! Layers and their parameters for kMaX-DeepLab on Candle, each with its gradient.
//!
//! * [`Params`] hands out named parameters: from a file or a Candle [`VarBuilder`](candle_nn::VarBuilder) for inference, or
//!   as variables for training.
//! * [`Mode`] says whether a forward pass trains (batch statistics, drop path) or evaluates.
//! * [`layers`] are modules with parameters. Whether several of them run as one fused operation, in inference, or as one
//!   step of the gradient, in training, is decided by [`layers::Chain`] and [`layers::ChannelMlp`]; models say only what
//!   follows what.
//! * [`device`] says which devices there are, and opens one.
//! * [`profile`] says where the time of a forward pass goes.
//!
//! Feature maps are `[batch, channels, height, width]`. Layers that know no mode are Candle's
//! [`Module`](candle_core::Module)s, the others its [`ModuleT`](candle_core::ModuleT)s.
//!
//! ```
//! use kmax_nn::candle_core::{DType, Device, Tensor};
//! use kmax_nn::{Activation, BatchNormConfig, ConvConfig, ConvNorm, Init, Mode, Params};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Variables, drawn from the seed and the name of each.
//! let params = Params::trainable(None, 1, DType::F32, &Device::Cpu);
//! let config = ConvConfig::new(3, 8, 3).stride(2);
//! let (init, norm) = (Init::he_fan_out(8, (3, 3), 1), BatchNormConfig::default());
//! let conv = ConvNorm::new(config, init, norm, Activation::Relu, &params.pp("stem"))?;
//!
//! let image = Tensor::randn(0f32, 1.0, (2, 3, 32, 48), &Device::Cpu)?;
//! let map = conv.forward(&image, &Mode::train(0))?;
//! assert_eq!(map.dims(), [2, 8, 16, 24]);
//! let gradients = map.sqr()?.sum_all()?.backward()?;
//! for parameter in params.parameters() {
//!     println!("{} {:?} {}", parameter.name, parameter.role, gradients.get(&parameter.var).is_some());
//! }
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

pub mod device;
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
pub use kmax_kernels::{
    Activation, ConvParams, Factors, Ranks, Transport, kernels, multiplies_bfloat16, multiplies_int8,
    peak_rate, profile, rounds_factors, weight_scale, weight_steps,
};
pub use layers::{
    BatchNorm, BatchNormConfig, Chain, ChannelMlp, Conv2d, ConvConfig, ConvNorm, DropPath, LayerNorm,
};
pub use mode::Mode;
pub use params::{Parameter, Params, Role, TensorSource};

/// The program of the README runs as it stands.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

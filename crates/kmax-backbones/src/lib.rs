//! Feature extractors for kMaX-DeepLab: ResNet-50, MaX-S (axial ResNet-50), ConvNeXt and EfficientNet-Lite0.
//!
//! A [`BackboneConfig`] says which network and whose conventions, those of deeplab2 or of its PyTorch re-implementation; [`build`] makes a [`Backbone`],
//! whose [`Features`] are maps of [`Level`] strides. Parameters have the names that the code reads:
//! `stem.conv1.weight`, `stages.2.blocks.0.conv2.norm.bias`.
//!
//! In a model of another making, [`AtLevel`] is a module of Candle, and
//! [`Params::from_var_builder`] reads a Candle `VarBuilder`.
//!
//! ```
//! use kmax_backbones::candle_core::{DType, Device, Tensor};
//! use kmax_backbones::{BackboneConfig, Level, Mode, Params, build};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = BackboneConfig::efficientnet_lite0();
//! // Weights drawn from a seed; `Params::from_safetensors` reads a file.
//! let params = Params::trainable(None, 7, DType::F32, &Device::Cpu);
//! let backbone = build(&config, &params)?;
//!
//! // RGB, normalised as `config.normalization()` says.
//! let image = Tensor::zeros((1, 3, 64, 96), DType::F32, &Device::Cpu)?;
//! let features = backbone.forward(&image, &Mode::eval())?;
//! for level in Level::ALL {
//!     println!("{level:?}: stride {}, {:?}", config.stride(level), features.get(level).dims());
//! }
//! assert_eq!(features.get(Level::Res5).dims(), [1, config.channels(Level::Res5), 2, 3]);
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod backbone;
mod config;
pub mod convnext;
pub mod efficientnet;
mod error;
mod features;
pub mod resnet;

pub use backbone::{AtLevel, build};
pub use candle_core;
pub use config::BackboneConfig;
pub use convnext::{ConvNeXtConfig, ConvNeXtSize};
pub use efficientnet::EfficientNetLiteConfig;
pub use error::{Error, Result};
pub use features::{Backbone, Features, Level};
pub use kmax_base::ErrorKind;
pub use kmax_nn::layers::RunningVariance;
pub use kmax_nn::{Activation, Mode, Params};
pub use resnet::{FeatureTap, KernelInit, ResNetConfig, StemKind};

/// The program of the README runs as it stands.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

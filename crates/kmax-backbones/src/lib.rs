//! Feature extractors for kMaX-DeepLab: ResNet-50, MaX-S (axial ResNet-50), ConvNeXt and EfficientNet-Lite0.
//!
//! A [`BackboneConfig`] says which network and whose conventions, those of deeplab2 or of its PyTorch re-implementation; [`build`] makes a [`Backbone`],
//! whose [`Features`] are maps of [`Level`] strides. Parameters have the names that the code reads:
//! `stem.conv1.weight`, `stages.2.blocks.0.conv2.norm.bias`.
//!
//! In a model of another making, [`AtLevel`] is a module of Candle, and
//! [`Params::from_var_builder`] reads a Candle `VarBuilder`.

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

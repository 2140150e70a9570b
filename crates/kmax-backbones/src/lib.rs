//! Feature extractors for kMaX-DeepLab: ResNet-50, MaX-S (axial ResNet-50), ConvNeXt and EfficientNet-Lite0.
//!
//! A [`BackboneConfig`] says which network and which of the two originals' conventions; [`build`] makes a [`Backbone`],
//! whose [`Features`] are maps of [`Level`] strides. Parameters have the names that the code reads:
//! `stem.conv1.weight`, `stages.2.blocks.0.conv2.norm.bias`.

mod backbone;
mod config;
pub mod convnext;
pub mod efficientnet;
mod error;
mod features;
pub mod resnet;

pub use backbone::{Backbone, build};
pub use config::BackboneConfig;
pub use convnext::{ConvNeXtConfig, ConvNeXtSize};
pub use efficientnet::EfficientNetLiteConfig;
pub use error::{Error, Result};
pub use features::{Features, Level};
pub use resnet::{FeatureTap, KernelInit, ResNetConfig, StemKind};

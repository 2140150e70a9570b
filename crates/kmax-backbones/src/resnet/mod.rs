//! ResNet-50 in both originals' forms, and MaX-S.

mod config;

pub use config::{FeatureTap, KernelInit, ResNetConfig, StemKind};

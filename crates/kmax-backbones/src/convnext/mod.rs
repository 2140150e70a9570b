//! ConvNeXt (arXiv 2201.03545).

mod config;

pub use config::{ConvNeXtConfig, ConvNeXtSize};

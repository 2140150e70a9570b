//! The kMaX-DeepLab pixel decoder: axial and bottleneck stages joined by resized fuse.
//!
//! [`PixelDecoder`] turns a backbone's maps into enhanced ones of the same strides, coarsest first.

mod block;
mod config;
mod decoder;
mod error;
mod fuse;

pub use block::Block;
pub use config::{PixelDecoderConfig, StageConfig, StageKind};
pub use decoder::PixelDecoder;
pub use error::{Error, Result};
pub use fuse::{ResizeRule, ResizedFuse};

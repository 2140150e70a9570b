//! The kMaX-DeepLab pixel decoder: axial and bottleneck stages joined by resized fuse.
//!
//! [`PixelDecoder`] turns a backbone's maps into enhanced ones of the same strides, coarsest first.
//!
//! [`StageBlock`] and the decoder read [`kmax_nn::Params`], which a Candle `VarBuilder` gives as well.

#![forbid(unsafe_code)]

mod block;
mod config;
mod decoder;
mod error;
mod fuse;

pub use block::StageBlock;
pub use candle_core;
pub use config::{PixelDecoderConfig, StageConfig, StageKind};
pub use decoder::PixelDecoder;
pub use error::{Error, Result};
pub use fuse::{ResizeRule, ResizedFuse};
pub use kmax_base::ErrorKind;
pub use kmax_kernels::Alignment;
pub use kmax_nn::layers::RunningVariance;
pub use kmax_nn::{Mode, Params};

//! The kMaX-DeepLab pixel decoder: axial and bottleneck stages joined by resized fuse.
//!
//! [`PixelDecoder`] turns a backbone's maps into enhanced ones of the same strides, coarsest first.
//!
//! [`StageBlock`] and the decoder read [`kmax_nn::Params`], which a Candle `VarBuilder` gives as well.
//!
//! ```
//! use kmax_pixel_decoder::candle_core::{DType, Device, Tensor};
//! use kmax_pixel_decoder::{Mode, Params, PixelDecoder, PixelDecoderConfig, ResizeRule};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = PixelDecoderConfig::small();
//! // Channels and strides of a backbone's maps, coarsest first.
//! let (channels, strides) = ([320, 112, 40, 24], [32, 16, 8, 4]);
//! let params = Params::trainable(None, 1, DType::F32, &Device::Cpu);
//! let decoder = PixelDecoder::new(&config, &channels, ResizeRule::Parity, &params)?;
//!
//! let map = |at: usize| Tensor::randn(0f32, 1.0, (1, channels[at], 64 / strides[at], 96 / strides[at]), &Device::Cpu);
//! let maps = [map(0)?, map(1)?, map(2)?, map(3)?];
//! let outputs = decoder.forward(&maps.each_ref(), &Mode::eval())?;
//! for (output, channels) in outputs.iter().zip(config.output_channels()) {
//!     assert_eq!(output.dim(1)?, channels);
//! }
//! # Ok(())
//! # }
//! ```

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

/// The program of the README runs as it stands.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

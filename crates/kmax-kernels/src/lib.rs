//! CPU kernels for kMaX-DeepLab as functions on Candle tensors: what Candle lacks, does slowly or differentiates wrongly.
//!
//! Feature maps are `[batch, channels, height, width]`. Where a device or element type has no kernel, the same function is
//! put together from Candle's operations. [`profile`] says where the time of a forward pass goes.
//!
//! **This crate is exempt from semantic versioning.** Its interface follows the needs of the crates above it and may change in
//! any release; depend on `kmax-nn`, whose layers are stable, or pin an exact version.
//!
//! All `unsafe` code of the network lies here.

mod activation;
mod axial;
mod columns;
mod contrast;
mod conv;
mod cpu;
mod error;
mod kmeans;
mod masks;
mod matrix;
mod norm;
mod pad;
mod parts;
mod pool;
mod product;
pub mod profile;
mod resize;
mod softmax;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod twins;

pub use activation::{Activation, gelu, relu, relu6};
pub use axial::{AxialTables, axial_attention};
pub use candle_core;
pub use contrast::{Contrast, Groups, contrast};
pub use conv::{
    Chained, ConvParams, Epilogue, Link, Mlp, Prepared, Residual, conv_norm_chain, conv2d, conv2d_epilogue,
    conv2d_norm_train, mlp,
};
pub use cpu::{has_kernel, kernels, runs_kernels};
pub use error::{Error, Result};
pub use kmax_base::ErrorKind;
pub use kmeans::{center_sums, nearest_center};
pub use masks::{BLOCK, Mixing, PixelBlock, ResizedMasks, Winners};
pub use norm::{TrainedNorm, batch_norm, batch_norm_train, channel_affine, l2_normalize, layer_norm};
pub use pad::pad;
pub use parts::sum_parts;
pub use pool::max_pool2d;
pub use resize::{Alignment, resize_bilinear};
pub use softmax::softmax;

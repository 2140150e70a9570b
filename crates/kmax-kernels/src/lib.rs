//! CPU kernels for kMaX-DeepLab as functions on Candle tensors: what Candle lacks, does slowly or differentiates wrongly.
//!
//! Feature maps are `[batch, channels, height, width]`. Where a device or element type has no kernel, the same function is
//! put together from Candle's operations. [`profile`] says where the time of a forward pass goes.
//!
//! **This crate is exempt from semantic versioning.** Its interface follows the needs of the crates above it and may change in
//! any release; depend on `kmax-nn`, whose layers are stable, or pin an exact version.
//!
//! All `unsafe` code of the network lies here.
//!
//! ```
//! use kmax_kernels::candle_core::{Device, Tensor};
//! use kmax_kernels::{Alignment, center_sums, nearest_center, resize_bilinear};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let device = Device::Cpu;
//! let map = Tensor::arange(0f32, 12.0, &device)?.reshape((1, 1, 3, 4))?;
//! assert_eq!(resize_bilinear(&map, 5, 7, Alignment::Corners)?.dims(), [1, 1, 5, 7]);
//!
//! // One k-means step: three pixels, each to the center of the larger logit, and what each center then holds.
//! let logits = Tensor::new(&[[[0f32, 3.0, 1.0], [2.0, 1.0, 0.0]]], &device)?;
//! let nearest = nearest_center(&logits)?;
//! assert_eq!(nearest.to_vec2::<u32>()?, [[1, 0, 0]]);
//! let values = Tensor::new(&[[[10f32, 20.0, 30.0]]], &device)?;
//! assert_eq!(center_sums(&values, &nearest, 2)?.to_vec3::<f32>()?, [[[50.0, 10.0]]]);
//! # Ok(())
//! # }
//! ```

mod activation;
mod axial;
mod columns;
mod constants;
mod contrast;
mod conv;
mod cpu;
mod error;
mod gpu;
mod kmeans;
mod maps;
mod masks;
mod matrix;
mod norm;
mod pad;
mod parts;
mod peak;
mod pool;
mod product;
pub mod profile;
mod ranks;
mod resize;
mod softmax;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod twins;

pub use activation::{Activation, gelu, relu, relu6};
pub use axial::{AxialTables, attends_on, attends_to, axial_attention};
pub use candle_core;
pub use constants::constant;
pub use contrast::{Contrast, Groups, contrast};
pub use conv::{
    Chained, ConvParams, Epilogue, Factors, Link, Mlp, Prepared, Residual, conv_norm_chain, conv2d,
    conv2d_epilogue, conv2d_norm_train, mlp, pointwise_transposed,
};
pub use cpu::{
    has_kernel, kernels, multiplies_bfloat16, multiplies_int8, rounds_factors, runs_kernels, weight_scale,
    weight_steps,
};
pub use error::{Error, Result};
pub use gpu::has_gpu_kernels;
pub use kmax_base::ErrorKind;
pub use kmeans::{center_sums, nearest_center};
pub use maps::{add_maps, widened};
pub use masks::{BLOCK, DeviceMasks, Mixing, PixelBlock, PixelClaims, PixelWinners, ResizedMasks, Winners};
pub use norm::{
    NormStep, TrainedNorm, batch_norm, batch_norm_train, channel_affine, channel_affine_activated,
    l2_normalize, layer_norm,
};
pub use pad::pad;
pub use parts::sum_parts;
pub use peak::peak_rate;
pub use pool::max_pool2d;
pub use ranks::{Ranks, Transport};
pub use resize::{Alignment, resize_bilinear};
pub use softmax::softmax;

/// The program of the README runs as it stands.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

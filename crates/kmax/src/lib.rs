//! Panoptic segmentation with kMaX-DeepLab (the k-means Mask Transformer, arXiv 2207.04044).
//!
//! An image in, segments out:
//!
#![cfg_attr(feature = "builtin", doc = "```")]
#![cfg_attr(not(feature = "builtin"), doc = "```no_run")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # std::env::set_current_dir("../../docs/images")?;
//! let segmenter = kmax::Segmenter::builder("kmax-people").threads(2).build()?;
//! let image = kmax::read_image("astronaut.png")?;
//! let result = segmenter.segment(&image)?;
//! let categories = &segmenter.config().categories;
//! for segment in &result.segments {
//!     let name = categories.get(segment.category_id).map_or("?", |category| &category.name);
//!     println!("{name} covers {} pixels", segment.area);
//! }
//! # assert!(!result.segments.is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! A model is a built-in one by its name (feature `builtin`), a model folder by its path, a published one by its name (feature `pull`
//! fetches it), or a repository of the Hugging Face Hub, `hf://owner/name` (feature `hub`). [`Segmenter::predict`] gives the logits to those who want them.
//!
//! This crate is a front for others, each of which can be used alone:
//!
//! | feature | module | crate |
//! | --- | --- | --- |
//! | | this one | `kmax-model`: configuration, presets, network, post-processing, [`Segmenter`] |
//! | `builtin` | | `kmax-builtin`: built-in models |
//! | `hub` | `hub` | `kmax-hub`: the Hugging Face Hub |
//! | `pull` | `pull` | `kmax-pull`: published models by name, into a cache |
//! | `hf-hub` | | [`Model::from_repo`] takes `ApiRepo` and `CacheRepo` of the crate `hf-hub` |
//! | `render` | `render` | `kmax-render`: overlays |
//! | `evaluate` | `evaluate` | `kmax-evaluate`: a model over a dataset, and its numbers |
//! | `train` | `train` | `kmax-train`: the trainer |
//! | `convert` | `convert` | `kmax-convert`: checkpoints of deeplab2 and its PyTorch re-implementation |
//! | `onnx` | `onnx` | `kmax-onnx`: models as ONNX files |
//!
//! Further features: `jxl` reads JPEG XL photos, `heif` HEIC and AVIF by the C library libheif; `mpi` trains in several processes; `cuda`, `cudnn`, `metal`, `accelerate` are Candle's devices and libraries ([`device`] chooses one).

#![forbid(unsafe_code)]

#[cfg(feature = "hf-hub")]
pub use hf_hub;
pub use kmax_base::{ErrorKind, Progress};
#[cfg(feature = "convert")]
pub use kmax_convert as convert;
#[cfg(feature = "evaluate")]
pub use kmax_evaluate as evaluate;
#[cfg(feature = "hub")]
pub use kmax_hub as hub;
pub use kmax_masks as masks;
pub use kmax_model::*;
pub use kmax_nn as nn;
pub use kmax_nn::{kernels, multiplies_bfloat16, multiplies_int8};
#[cfg(feature = "onnx")]
pub use kmax_onnx as onnx;
#[cfg(feature = "pull")]
pub use kmax_pull as pull;
#[cfg(feature = "render")]
pub use kmax_render as render;
#[cfg(feature = "train")]
pub use kmax_train as train;
pub use kmax_transforms::{Error as ImageError, read_image};

/// The program of the README runs as it stands.
#[cfg(all(doctest, feature = "builtin"))]
#[doc = include_str!("../README.md")]
struct Readme;

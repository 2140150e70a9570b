//! Panoptic segmentation with kMaX-DeepLab (the k-means Mask Transformer, arXiv 2207.04044).
//!
//! An image in, segments out:
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let segmenter = kmax::Segmenter::builder("kmax-people").threads(2).build()?;
//! let image = kmax::read_image("photo.jpg")?;
//! let result = segmenter.segment(&image)?;
//! for segment in &result.segments {
//!     println!("{} covers {} pixels", segment.category_id, segment.area);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A model is a built-in one by its name (feature `builtin`), a model folder by its path, or a repository of the Hugging
//! Face Hub, `hf://owner/name` (feature `hub`). [`Segmenter::predict`] gives the logits to those who want them.
//!
//! This crate is a front for others, each of which can be used alone:
//!
//! | feature | module | crate |
//! | --- | --- | --- |
//! | | this one | `kmax-model`: configuration, presets, network, post-processing, [`Segmenter`] |
//! | `builtin` | | `kmax-builtin`: built-in models |
//! | `hub` | `hub` | `kmax-hub`: the Hugging Face Hub |
//! | `render` | `render` | `kmax-render`: overlays |
//! | `evaluate` | `evaluate` | `kmax-evaluate`: a model over a dataset, and its numbers |
//! | `train` | `train` | `kmax-train`: the trainer |
//! | `convert` | `convert` | `kmax-convert`: checkpoints of deeplab2 and its PyTorch port |
//!
//! Further features: `cuda`, `cudnn`, `metal`, `accelerate` pass through to Candle.

#![forbid(unsafe_code)]

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
pub use kmax_nn::kernels;
#[cfg(feature = "render")]
pub use kmax_render as render;
#[cfg(feature = "train")]
pub use kmax_train as train;
pub use kmax_transforms::{Error as ImageError, read_image};

//! Matching and the training criterion of kMaX-DeepLab.
//!
//! [`Targets`] say what an image shows, one per image of a batch; [`Criterion`] matches them to the predictions of a
//! decoder and gives the loss to differentiate. Both reference implementations are reproduced, each by a preset of [`LossConfig`].
//!
//! ```
//! use kmax_losses::candle_core::{DType, Device, Tensor, Var};
//! use kmax_losses::{Criterion, LossConfig, Outputs, Segment, SupervisedPrediction, Targets};
//! use std::collections::HashMap;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // A network of five queries and two classes, without pixel features or a semantic head.
//! let config = LossConfig { pixel_weight: 0.0, semantic_weight: 0.0, ..LossConfig::pytorch() };
//! let class_logits = Var::zeros((1, 5, 3), DType::F32, &Device::Cpu)?;
//! let mask_logits = Tensor::randn(0f32, 1.0, (1, 5, 4, 4), &Device::Cpu)?;
//! let last = SupervisedPrediction { class_logits: class_logits.as_tensor().clone(), mask_logits, pixel_features: None };
//! let outputs = Outputs { last, auxiliary: vec![], semantic_logits: None };
//!
//! // An object of class 0 on the left half of 16 by 16 pixels.
//! let ids: Vec<u32> = (0..256).map(|at| u32::from(at % 16 < 8)).collect();
//! let segment = Segment { id: 1, label: 0, thing: true, crowd: false };
//! let targets = Targets::from_ids(&ids, [16, 16], &[segment], [4, 4])?;
//!
//! let losses = Criterion::new(config)?.forward(&outputs, &[targets], &HashMap::new())?;
//! assert!(losses.value > 0.0 && losses.total.backward()?.get(&class_logits).is_some());
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod assigned;
mod attach;
mod batch;
mod class;
mod config;
mod criterion;
mod error;
mod float;
mod masks;
mod matching;
mod outputs;
mod pixels;
mod sampling;
mod semantic;
mod similarity;
mod targets;

pub use candle_core;
pub use config::{CrowdPixels, LossConfig, UnmatchedTargets};
pub use criterion::Criterion;
pub use error::{Error, Result};
pub use kmax_base::ErrorKind;
pub use matching::assign;
pub use outputs::{Losses, Outputs, SupervisedPrediction, Term};
pub use sampling::Uniforms;
pub use similarity::Match;
pub use targets::{Segment, Targets, VOID};

/// The program of the README runs as it stands.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

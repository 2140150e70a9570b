//! Matching and the training criterion of kMaX-DeepLab.
//!
//! [`Targets`] say what a image shows, one per image of a batch; [`Criterion`] matches them to the predictions of a
//! decoder and gives the loss to differentiate. Both reference implementations are reproduced, each by a preset of [`LossConfig`].

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

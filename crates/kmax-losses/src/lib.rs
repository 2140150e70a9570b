//! Matching and the training criterion of kMaX-DeepLab.
//!
//! [`Targets`] say what a photo shows, one per photo of a batch; [`Criterion`] matches them to the predictions of a
//! decoder and gives the loss to differentiate. Both originals are reproduced, each by a preset of [`LossConfig`].

mod assigned;
mod attach;
mod batch;
mod class;
mod config;
mod criterion;
mod error;
mod masks;
mod matching;
mod pixels;
mod real;
mod sampling;
mod semantic;
mod similarity;
mod targets;
#[cfg(test)]
mod testing;

pub use config::{CrowdPixels, LossConfig, UnmatchedTargets};
pub use criterion::{Criterion, Losses, Outputs, Prediction, Term};
pub use error::{Error, Result};
pub use matching::assign;
pub use sampling::Uniforms;
pub use similarity::Match;
pub use targets::{Segment, Targets, VOID};

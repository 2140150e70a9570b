//! Self-contained pages about segmentation: a dataset, a training run, an evaluation.

#![forbid(unsafe_code)]

pub mod dataset;
mod error;
mod page;
pub mod run;
mod told;

pub use error::{Error, Result};
pub use kmax_base::ErrorKind;

/// The program of the README runs as it stands.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

//! Self-contained pages about segmentation: a dataset, a training run, an evaluation.

#![forbid(unsafe_code)]

mod error;
pub mod evaluation;

pub use error::{Error, Result};
pub use kmax_base::ErrorKind;

/// The program of the README runs as it stands.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

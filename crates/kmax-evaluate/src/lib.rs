//! Runs a kMaX model over a dataset and measures its predictions as the official scripts do.
//!
//! [`Benchmark`] is a dataset's split on disk; [`Run`] puts its images through a segmenter, writes the predictions in the
//! official forms and gives a [`Report`]. With a folder to keep predictions in, a run that was stopped goes on where it
//! was.
//!
//! ```no_run
//! use kmax_evaluate::{Benchmark, Layout, Run};
//! use kmax_model::Segmenter;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let segmenter = Segmenter::load("path/of/a/model-folder")?;
//! let benchmark = Benchmark::open(Layout::Own, "path/of/a/dataset".as_ref(), None)?;
//! let report = Run::new(&segmenter, &benchmark).evaluate(&())?;
//! println!("{}", report.table());
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod benchmark;
mod error;
mod predict;
mod report;
mod run;

pub use benchmark::Benchmark;
pub use error::{Error, Result};
pub use kmax_base::{Progress, Shard};
pub use kmax_datasets::Things;
pub use kmax_datasets::layout::Layout;
pub use kmax_model::Segmenter;
pub use report::Report;
pub use run::{Measured, Run};

/// The program of the README runs as it stands.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

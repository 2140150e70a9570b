//! Self-contained pages about segmentation: a labelled dataset, a training run.
//!
//! | module | what |
//! | --- | --- |
//! | [`dataset`] | what the labels of a dataset are, before anybody trains on them |
//! | [`evaluation`] | errors by kind, and the worst images with what was missed and invented |
//! | [`run`] | losses, measurements, best and worst images of a training run |
//!
//! A page is one HTML document without scripts that loads nothing from anywhere. Text is escaped by the type that pages are made
//! of, and a policy in the page tells the browser to refuse what is not in it.
//!
//! ```
//! use kmax_report::run::{self, RunReport, StepPoint};
//!
//! let step = |step, loss| StepPoint { step, loss, ..StepPoint::default() };
//! let report = RunReport { title: "<first>".into(), steps: vec![step(1, 9.0), step(2, 7.0)], ..RunReport::default() };
//! let page = run::page(&report);
//! assert!(page.contains("<h1>&lt;first&gt;</h1>"));
//! ```

#![forbid(unsafe_code)]

pub mod dataset;
mod error;
pub mod evaluation;
mod page;
pub mod run;
mod told;

pub use error::{Error, Result};
pub use kmax_base::ErrorKind;

/// The program of the README runs as it stands.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

//! What a model found in an image: [`Found`] and its [rows](Row), as JSON, as PNG and drawn over the image.
//!
//! ```no_run
//! use kmax_results::{Found, Task};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let segmenter = kmax_model::Segmenter::load("path/of/a/model-folder")?;
//! let prediction = segmenter.predict(&kmax_model::RgbImage::new(640, 480))?;
//! let found = Found::new(&prediction, Task::Panoptic, &prediction.config().postprocess, None)?;
//! for row in &found.rows {
//!     println!("{} covers {} pixels", row.name, row.area);
//! }
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod encoded;
mod error;
mod found;
mod row;
mod steps;

pub use encoded::png;
pub use error::{Error, Result};
pub use found::{Found, More, Task};
pub use kmax_masks::BACKGROUND;
pub use row::Row;
pub use steps::{ClassRow, HistoryRow, QueryRow, StepRow, Steps, query_history};

/// The program of the README runs as it stands.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

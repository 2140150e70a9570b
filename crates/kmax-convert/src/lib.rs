//! Checkpoints of the reference implementations as kMaX model folders.
//!
//! [`Conversion`] turns a checkpoint of deeplab2, of its PyTorch re-implementation or of COCONut into a model folder, [`encoder`] one of
//! ImageNet into a file to train from, and [`names`] are the maps between their names and ours. Reading the files is the work of
//! `kmax-checkpoints`, which knows no kMaX.
//!
//! ```no_run
//! use kmax_convert::{Conversion, WeightSet};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let conversion = Conversion {
//!     from: "kmax_resnet50_coco_train/ckpt-150000".as_ref(),
//!     to: "kmax-resnet50-coco".as_ref(),
//!     // The preset is guessed from the tensors, where they can tell.
//!     variant: None,
//!     half: false,
//!     weights: &WeightSet::Model,
//! };
//! let summary = conversion.run()?;
//! println!("{}: {} of {} tensors", summary.variant, summary.mapped, summary.read);
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod checksum;
mod chosen;
mod contents;
mod conversion;
mod encoder;
mod error;
mod fingerprint;
mod fit;
pub mod names;
mod reference;
mod values;
mod write;

pub use chosen::Chosen;
pub use conversion::{Conversion, Summary};
pub use encoder::{EncoderSummary, encoder};
pub use error::{Error, Result};
pub use fingerprint::Fingerprint;
pub use kmax_checkpoints::{Checkpoint, Format, WeightSet};
pub use kmax_model::Reference;

/// The program of the README runs as it stands.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

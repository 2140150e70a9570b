//! Checkpoints of the reference implementations as kMaX model folders.
//!
//! [`Conversion`] turns a checkpoint of deeplab2 or of its PyTorch port into a model folder, [`encoder`] one of ImageNet into
//! a file to train from, and [`names`] are the maps between their names and ours. Reading the files is the work of
//! `kmax-checkpoints`, which knows no kMaX.

#![forbid(unsafe_code)]

mod checksum;
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

pub use conversion::{Conversion, Summary};
pub use encoder::{EncoderSummary, encoder};
pub use error::{Error, Result};
pub use fingerprint::Fingerprint;
pub use kmax_checkpoints::{Checkpoint, Format};
pub use kmax_model::Reference;

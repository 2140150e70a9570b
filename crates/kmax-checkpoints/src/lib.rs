//! Reads checkpoints of TensorFlow and PyTorch without either framework.
//!
//! A TensorFlow checkpoint, listed and read:
//!
//! ```
//! use kmax_checkpoints::{Checkpoint, Error};
//!
//! # fn main() -> Result<(), Error> {
//! // The prefix (`…/ckpt-1`), its `.index`, the folder, or a `.tar.gz` of the folder.
//! let checkpoint = Checkpoint::open("tests/data/bundle")?;
//! println!("{}, {} tensors", checkpoint.format(), checkpoint.len());
//! for (name, info) in checkpoint.tensors() {
//!     println!("{name}  {}  {:?}", info.dtype, info.shape);
//! }
//! let kernel: Vec<f32> = checkpoint.read_f32("x0/kernel/.ATTRIBUTES/VARIABLE_VALUE")?;
//! assert_eq!(kernel.len(), 4 * 8);
//! # Ok(())
//! # }
//! ```
//!
//! The same lines read every [`Format`]: TensorFlow 2 tensor bundles, `torch.save` files of both forms, pickles of NumPy
//! arrays as detectron2 publishes, and safetensors. Which one a file is follows from its content. The state dict of a
//! pickle may lie under `model`, `state_dict` or `model_state`; dictionaries in it give dotted names.
//!
//! Files are memory-mapped, and [`Checkpoint::read`] borrows from the map where it can: a model is never in memory twice.
//! Checksums are verified where the format has them (tensor bundles, zip archives).
//!
//! Files need not be trusted. A pickle is parsed as data and executes nothing: functions and classes other than the few
//! that tensors need are [refused by name](Error::Refused). Lengths are checked before memory is taken for them.
//!

#![deny(unsafe_code)]

mod arrays;
mod checkpoint;
mod contents;
mod dtype;
mod error;
mod locate;
mod mapping;
mod objects;
mod pickle;
mod plain_pickle;
mod safetensors_file;
mod source;
mod storage_id;
mod streamed;
mod tarball;
mod tensorflow;
mod torch_legacy;
mod torch_zip;
mod wire;

pub use checkpoint::Checkpoint;
pub use contents::{Format, Skipped, Tensor, TensorInfo};
pub use dtype::DType;
pub use error::{Error, Result};
pub use kmax_base::ErrorKind;

/// The program of the README runs as it stands.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

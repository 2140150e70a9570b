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
//! arrays as detectron2 publishes, and safetensors, in several files with an index too. Which one a file is follows from its
//! content. The state dict of a pickle may lie under `model`, `state_dict` and the like, beside other things and an average
//! of it: [`Checkpoint::open_set`] opens that, and [`Checkpoint::wrapping`] says what was there. Dictionaries in it give dotted
//! names.
//!
//! Files are read into memory, and [`Checkpoint::read`] borrows from there where it can: a model is never in memory twice.
//! The bundle in an archive stays packed, and [`Checkpoint::visit`] cuts its tensors out as the archive passes by.
//! Checksums are verified where the format has them (tensor bundles, zip archives).
//!
//! Files need not be trusted. A pickle is parsed as data and executes nothing: what functions and classes other than the few
//! that tensors need would make is an object without content, and a pickle that is nothing else is
//! [refused by name](Error::Refused). Lengths are checked before memory is taken for them.
//!

#![forbid(unsafe_code)]

mod among;
mod arrays;
mod checkpoint;
mod contents;
mod dtype;
mod error;
mod locate;
mod objects;
mod opened;
mod pickle;
mod pickled;
mod plain_pickle;
mod safetensors_file;
mod sharded;
mod source;
mod state_dict;
mod storage_id;
mod streamed;
mod tarball;
mod tensorflow;
mod torch_legacy;
mod torch_zip;
mod wire;
mod wrapping;

pub use checkpoint::Checkpoint;
pub use contents::{Format, Skipped, Tensor, TensorInfo};
pub use dtype::DType;
pub use error::{Error, Result};
pub use kmax_base::ErrorKind;
pub use wrapping::{WeightSet, Wrapping};

/// The program of the README runs as it stands.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

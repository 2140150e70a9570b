//! What the crates of kMaX share: [`ErrorKind`], which every error of theirs has, files that are [written](mod@write) whole
//! or not at all, what is [beside] its place until then, files that are [read] to a limit, the [`memory`] that there is, the [`limits`] of configurations, [`Progress`] of long tasks, the
//! [`Shard`] of them that a process does, and the [`nearest`] of known names.
//!
//! ```
//! use kmax_base::{ErrorKind, nearest, write_atomically};
//! use std::fs;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let file = std::env::temp_dir().join(format!("kmax-base-{}.txt", std::process::id()));
//! write_atomically(&file, b"whole or not at all")?;
//! assert_eq!(fs::read(&file)?, b"whole or not at all");
//! fs::remove_file(&file)?;
//!
//! // What a missing file means, in the words that every crate of kMaX shares.
//! if let Err(error) = fs::read(&file) {
//!     assert_eq!(ErrorKind::reading(&error), ErrorKind::NotFound);
//! }
//! assert_eq!(nearest("resnet5", ["resnet50", "convnext"]), Some("resnet50"));
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

pub mod beside;
mod kind;
pub mod limits;
pub mod lock;
pub mod memory;
mod nearest;
mod progress;
pub mod read;
mod shard;
pub mod write;

pub use kind::ErrorKind;
pub use nearest::nearest;
pub use progress::Progress;
pub use shard::{MAX_SHARDS, Shard};
pub use write::{write_atomically, write_atomically_with};

/// The program of the README runs as it stands.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

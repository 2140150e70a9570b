//! What the crates of kMaX share: [`ErrorKind`], which every error of theirs has, files that are [written][write] whole
//! or not at all, and [`Progress`] of long tasks.

#![forbid(unsafe_code)]

mod kind;
mod progress;
pub mod write;

pub use kind::ErrorKind;
pub use progress::Progress;
pub use write::{write_atomically, write_atomically_with};

//! What the crates of kMaX share: [`ErrorKind`], which every error of theirs has, and files that are [written][write] whole
//! or not at all.

#![forbid(unsafe_code)]

mod kind;
pub mod write;

pub use kind::ErrorKind;
pub use write::{write_atomically, write_atomically_with};

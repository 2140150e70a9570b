//! What the crates of kMaX share: [`ErrorKind`], which every error of theirs has, files that are [written][write] whole
//! or not at all, files that are [read] to a limit, the [`limits`] of configurations, [`Progress`] of long tasks, and the [`nearest`] of known names.

#![forbid(unsafe_code)]

mod kind;
pub mod limits;
mod nearest;
mod progress;
pub mod read;
pub mod write;

pub use kind::ErrorKind;
pub use nearest::nearest;
pub use progress::Progress;
pub use write::{write_atomically, write_atomically_with};

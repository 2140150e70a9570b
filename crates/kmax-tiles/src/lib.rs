//! Large images in overlapping tiles: what segments a tile is given, what the tiles found is joined.
//!
//! [`panoptic`] gives one panoptic map, [`semantic`] one map of classes. The image comes by [`Bands`], from its top downwards.

#![forbid(unsafe_code)]

mod axis;
mod error;
mod join;
mod paint;
mod parts;
mod tile;
mod tiling;
mod walk;

pub use error::{Error, Result};
pub use kmax_base::{ErrorKind, Progress};
pub use kmax_masks::{Categories, LabelMap, Panoptic};
pub use kmax_transforms::{Bands, RgbImage};
pub use tiling::{LARGEST, SMALLEST, Tiling};
pub use walk::{panoptic, semantic};

/// The program of the README runs as it stands.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

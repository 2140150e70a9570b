//! Draws segmentations: an image tinted by segment, with contours between the segments and the names of their classes.
//!
//! ```
//! use kmax_render::{Categories, LabelMap, Overlay, Panoptic, RgbImage};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let image = RgbImage::new(64, 32);
//! // A person (1) on the left, grass (193) on the right.
//! let map = LabelMap::new(64, 32, (0..64 * 32).map(|at| 1 + u32::from(at % 64 >= 32)).collect())?;
//! let panoptic = Panoptic::from_map(map, |id| (if id == 1 { 1 } else { 193 }, false));
//!
//! let drawn = Overlay::new(&Categories::coco_panoptic()).draw(&image, &panoptic)?;
//! assert_eq!(drawn.dimensions(), (64, 32));
//! # Ok(())
//! # }
//! ```
//!
//! [`Overlay`] has settings for opacity, names and contours; [`colors`] chooses the colours, for pictures of your own.
//! [`draw_clusters`] shows the k-means steps that led to a result.

#![forbid(unsafe_code)]

mod clusters;
pub mod colors;
mod contours;
mod error;
mod labels;
mod leader;
mod legend;
mod overlay;
mod place;
mod text;

pub use clusters::{draw_clusters, query_colors};
pub use error::{Error, Result};
pub use image::RgbImage;
pub use kmax_base::ErrorKind;
pub use kmax_masks::{Categories, Category, LabelMap, Panoptic, Segment};
pub use labels::Labels;
pub use overlay::{Overlay, size_within};

/// The program of the README runs as it stands.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

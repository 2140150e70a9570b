//! What a segmentation is: label maps, panoptic maps, categories, run-length codes and colours.
//!
//! Everything here is plain data: no tensors, no files. [`LabelMap`] holds one id per pixel, [`Panoptic`] adds
//! what each id is, [`Category`] and [`Categories`] name the classes of COCO, Cityscapes, ADE20K or of the
//! user's own set, [`Rle`] is COCO's run-length code with its polygons, and [`codec`] goes between maps and the
//! PNG forms of the three sites.
//!
//! Input is not trusted: sizes are checked against [`MAX_PIXELS`] before anything is allocated.

pub mod categories;
pub mod cityscapes;
pub mod codec;
pub mod colors;
mod error;
mod label_map;
mod panoptic;
pub mod rle;

pub use categories::{Categories, Category};
pub use error::{Error, Result};
pub use label_map::{Extent, LabelMap, MAX_PIXELS};
pub use panoptic::{Panoptic, Segment};
pub use rle::Rle;

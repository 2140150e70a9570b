//! What a segmentation is: label maps, panoptic maps, categories, run-length codes and colours.
//!
//! Everything here is plain data: no tensors, no files. Use it to read what COCO, Cityscapes and ADE20K call a
//! segmentation, whatever made it.
//!
//! | type | what |
//! | --- | --- |
//! | [`LabelMap`] | one id for each pixel |
//! | [`Panoptic`], [`Segment`] | a map of segments, and what each of them is |
//! | [`Category`], [`Categories`] | classes: COCO's 133 and 80, Cityscapes' 19 and 34, ADE20K's 150, or your own |
//! | [`Dataset`] | which of the three sites' datasets is meant |
//! | [`ImageId`] | what a dataset calls an image: a number or a text |
//! | [`Rle`] | COCO's run-length code, its compressed string and its polygons, as pycocotools makes them |
//! | [`outline`], [`joined`] | masks as polygons along the edges of pixels, with holes, or as one line |
//! | [`fields`] | numbers and flags of COCO's JSON as tools write them |
//! | [`codec`] | maps to and from the PNG forms of the three sites and of deeplab2 |
//! | [`cityscapes`] | the numbers in `instanceIds` maps |
//!
//! ```
//! use kmax_masks::{Categories, LabelMap, Panoptic, Rle, codec};
//!
//! # fn main() -> kmax_masks::Result<()> {
//! // Three columns of a person (1) and one of grass (193).
//! let map = LabelMap::new(4, 2, vec![7, 7, 7, 9, 7, 7, 7, 9])?;
//! let panoptic = Panoptic::from_map(map, |id| (if id == 7 { 1 } else { 193 }, false));
//! panoptic.validate(&Categories::coco_panoptic())?;
//! assert_eq!(panoptic.segment(7).map(|person| person.bbox), Some([0, 0, 3, 2]));
//!
//! let person = Rle::encode(&panoptic.map, 7);
//! assert_eq!((person.area(), person.to_text().as_str()), (6, "062"));
//!
//! let png = codec::encode_panoptic(&panoptic.map)?;
//! assert_eq!(codec::decode_panoptic(&png)?, panoptic.map);
//! # Ok(())
//! # }
//! ```
//!
//! Input is not trusted: sizes are checked against [`MAX_PIXELS`] before anything is allocated.

#![forbid(unsafe_code)]

pub mod categories;
pub mod cityscapes;
pub mod codec;
pub mod colors;
mod dataset;
mod error;
pub mod fields;
mod image_id;
pub mod joined;
mod label_map;
mod limits;
pub mod outline;
mod panoptic;
pub mod rle;

pub use categories::{BACKGROUND, Categories, Category, ListedCategory};
pub use dataset::Dataset;
pub use error::{Error, Result};
pub use image_id::ImageId;
pub use kmax_base::ErrorKind;
pub use label_map::{Extent, LabelMap};
pub use limits::MAX_PIXELS;
pub use outline::Polygon;
pub use panoptic::{Panoptic, Segment};
pub use rle::Rle;

/// The program of the README runs as it stands.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

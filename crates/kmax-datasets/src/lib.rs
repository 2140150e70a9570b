//! COCO, Cityscapes and ADE20K on disk: readers, writers and a loader for panoptic segmentation.
//!
//! | module | what |
//! | --- | --- |
//! | [`coco`] | COCO's panoptic and instance forms, which ADE20K and your own data take too: reading and writing |
//! | [`cityscapes`] | Cityscapes' folders and its forms of results |
//! | [`forms`] | what annotation tools write, whatever the form |
//! | [`layout`] | where the parts of each dataset lie |
//! | [`check`] | finding what breaks training later |
//! | [`convert`] | from one form to another |
//! | [`tile`](mod@tile) | large images into tiles to learn from |
//! | [`evaluate`] | the official numbers of files against files |
//! | [`parts`] | a long list in parts, one for each of several processes |
//! | [`loader`] | training examples on several threads, in an order that depends on nothing but seed and epoch |
//!
//! ```no_run
//! use kmax_datasets::coco::CocoPanoptic;
//! use kmax_datasets::evaluate::{self, PanopticFiles};
//! use kmax_metrics::panoptic::Convention;
//!
//! # fn main() -> kmax_datasets::Result<()> {
//! let data = CocoPanoptic::open("panoptic_val.json", "val", "panoptic_val")?;
//! let sample = data.sample(0)?;
//! for segment in &sample.panoptic.segments {
//!     let name = data.categories().get(segment.category_id).map_or("?", |category| &category.name);
//!     println!("{name}: {} pixels", segment.area);
//! }
//!
//! // What panopticapi would say of somebody's predictions.
//! let files = PanopticFiles::new("panoptic_val.json", "predictions.json");
//! println!("{}", evaluate::panoptic(&files, Convention::Coco, &())?.table());
//! # Ok(())
//! # }
//! ```
//!
//! Files are not trusted: sizes are checked before anything is allocated, and what does not fit is an error that
//! names the file and the entry. What is written is there whole or not at all. JSON may be UTF-8 or UTF-16, with a byte order
//! mark or without, and a file that it names is found by one [rule](coco::CocoPanoptic::image_path) everywhere.
//!
//! Images are read and transformed by [`kmax_transforms`], masks are those of `kmax_masks`, numbers come from
//! [`kmax_metrics`].

#![forbid(unsafe_code)]

mod annotated;
pub mod check;
pub mod cityscapes;
pub mod coco;
pub mod convert;
mod each;
mod error;
pub mod evaluate;
mod files;
pub mod forms;
mod hex;
mod journal;
mod json;
pub mod layout;
pub mod loader;
mod names;
pub mod parts;
pub mod png;
mod things;
pub mod tile;
mod turned;

pub use annotated::Annotated;
pub use error::{Error, Result};
pub use files::write as write_file;
pub use journal::{Journal, difference};
pub use json::{read as read_json, read_categories, read_panoptic_categories};
pub use kmax_base::{ErrorKind, Progress};
pub use kmax_masks::{Categories, Category, Dataset, ImageId, LabelMap, Panoptic, Rle, Segment};
pub use kmax_metrics;
pub use kmax_transforms::{self, Draw, RgbImage, Sample};
pub use things::Things;

/// The program of the README runs as it stands.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

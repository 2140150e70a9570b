//! Panoptic quality, mask AP and mIoU with the official conventions, streaming and mergeable.
//!
//! | metric | type | the official script |
//! | --- | --- | --- |
//! | panoptic quality | [`PanopticQuality`] | panopticapi, cityscapesScripts |
//! | what costs panoptic quality, by kind | [`PanopticErrors`] | none; as TIDE does for AP |
//! | panoptic quality while training | [`StreamingQuality`] | deeplab2 |
//! | mask AP | [`MaskAp`] | pycocotools |
//! | instance AP | [`CityscapesInstances`] | cityscapesScripts |
//! | objects found by IoU: `TP / (TP + FP + FN)` | [`Objects`] | StarDist, Cellpose |
//! | mIoU, fwIoU, accuracies | [`SemanticQuality`] | detectron2 (ADE20K) |
//! | class and category IoU, nIoU | [`CityscapesPixels`] | cityscapesScripts |
//!
//! Every accumulator works alike: a pure function looks at one image (run it on as many threads as you like),
//! `insert` keeps what it found under the image's id, `merge` joins two accumulators, `report` sums up. What is
//! kept is kept per image and summed in the order of the ids, so that the numbers are the same to the last bit
//! however the images were split and in whatever order they came.
//!
//! ```
//! use kmax_masks::{Categories, LabelMap, Panoptic};
//! use kmax_metrics::PanopticQuality;
//!
//! # fn main() -> kmax_metrics::Result<()> {
//! let of = |ids: [u32; 4]| -> kmax_metrics::Result<Panoptic> {
//!     // Segment 7 is a person, 9 is grass; 0 is nothing.
//!     Ok(Panoptic::from_map(LabelMap::new(4, 1, ids.to_vec())?, |id| (if id == 7 { 1 } else { 193 }, false)))
//! };
//! let (truth, prediction) = (of([7, 7, 7, 9])?, of([7, 7, 0, 9])?);
//!
//! let mut here = PanopticQuality::new(Categories::coco_panoptic());
//! here.add(42.into(), &truth, &prediction)?;
//! let mut elsewhere = PanopticQuality::new(Categories::coco_panoptic());
//! elsewhere.add(43.into(), &truth, &truth)?;
//!
//! let report = here.merge(elsewhere)?.report();
//! let person = (2.0 / 3.0 + 1.0) / 2.0;
//! assert_eq!(report.all.pq, Some((person + 1.0) / 2.0));
//! println!("{}", report.table());
//! # Ok(())
//! # }
//! ```
//!
//! Reports are plain values that serialise to JSON under the keys of the official tools; `table` is what the official
//! script prints, `page` a page of its own. Each carries its [`Provenance`].
//!
//! Every ratio is one of 0 to 1. Percent are printed only: by `table`, by `page`, and in the JSON of [`semantic`] reports, whose
//! official script gives percent.
//!
//! The crate reads no files and knows no tensors; `kmax-datasets` evaluates files with it.

#![forbid(unsafe_code)]

pub mod cityscapes;
mod error;
mod images;
pub mod instance;
pub mod objects;
mod pairs;
pub mod panoptic;
mod provenance;
pub mod render;
pub mod semantic;
mod serialise;

pub use cityscapes::{CityscapesInstances, CityscapesPixels};
pub use error::{Error, Result};
pub use instance::MaskAp;
pub use kmax_base::ErrorKind;
pub use kmax_masks::{Categories, Category, Dataset, ImageId, LabelMap, Panoptic, Rle, Segment};
pub use objects::Objects;
pub use panoptic::errors::PanopticErrors;
pub use panoptic::{PanopticQuality, StreamingQuality};
pub use provenance::Provenance;
pub use render::Page;
pub use semantic::SemanticQuality;

/// The program of the README runs as it stands.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

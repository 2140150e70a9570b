//! Panoptic quality, mask AP and mIoU with the official conventions, streaming and mergeable.
//!
//! | metric | type | the official script |
//! | --- | --- | --- |
//! | panoptic quality | [`PanopticQuality`] | panopticapi, cityscapesScripts |
//! | panoptic quality while training | [`StreamingQuality`] | deeplab2 |
//! | mask AP | [`MaskAp`] | pycocotools |
//! | instance AP | [`CityscapesInstances`] | cityscapesScripts |
//! | mIoU, fwIoU, accuracies | [`SemanticQuality`] | detectron2 (ADE20K) |
//! | class and category IoU, nIoU | [`CityscapesPixels`] | cityscapesScripts |
//!
//! Every accumulator works alike: a pure function looks at one image (run it on as many threads as you like),
//! `insert` keeps what it found under the image's id, `merge` joins two accumulators, `report` sums up. What is
//! kept is kept per image and summed in the order of the ids, so that the numbers are the same to the last bit
//! however the images were split and in whatever order they came.
//!
//! The crate reads no files and knows no tensors.

pub mod cityscapes;
mod error;
mod image_id;
mod images;
pub mod instance;
mod pairs;
pub mod panoptic;
mod provenance;
pub mod render;
pub mod semantic;
mod serialise;

pub use cityscapes::{CityscapesInstances, CityscapesPixels};
pub use error::{Error, Result};
pub use image_id::ImageId;
pub use instance::MaskAp;
pub use panoptic::{PanopticQuality, StreamingQuality};
pub use provenance::Provenance;
pub use render::Page;
pub use semantic::SemanticQuality;

//! COCO's files, and those of everybody who uses its forms.

mod entries;
mod panoptic;

pub use entries::{Annotation, ImageEntry, ImageId, PanopticFile, SegmentEntry};
pub use panoptic::CocoPanoptic;

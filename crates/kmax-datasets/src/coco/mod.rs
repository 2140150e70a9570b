//! COCO's files, and those of everybody who uses its forms.

mod entries;
mod panoptic;

pub use entries::{Annotation, ImageEntry, PanopticFile, SegmentEntry};
pub use kmax_metrics::ImageId;
pub use panoptic::CocoPanoptic;

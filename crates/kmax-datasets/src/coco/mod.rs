//! COCO's files, and those of everybody who uses its forms.
//!
//! [`CocoPanoptic`] reads a labelled folder, [`CocoPredictions`] what somebody predicted of one, [`CocoInstances`] and
//! [`CocoDetections`] the same for single objects. [`PanopticWriter`] and [`write_detections`] write what the official
//! servers and scripts take.

mod entries;
mod ids;
mod instances;
mod panoptic;
mod predicted;
mod predictions;
mod segmentation;
mod write;

pub(crate) use entries::PanopticContent;
pub use entries::{Annotation, ImageEntry, PanopticFile, SegmentEntry};
pub(crate) use ids::Listed;
pub use instances::{CocoDetections, CocoInstances, DetectionEntry, InstanceEntry, InstancesFile};
pub use panoptic::CocoPanoptic;
pub use predicted::Predicted;
pub use predictions::CocoPredictions;
pub use segmentation::Segmentation;
pub use write::{PanopticWriter, detections, write_detections};

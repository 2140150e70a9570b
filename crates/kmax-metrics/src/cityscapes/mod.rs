//! Cityscapes' own evaluations, as cityscapesScripts computes them: instances and pixels.
//!
//! (Its panoptic evaluation is [`crate::PanopticQuality`] with
//! [`Convention::Cityscapes`](crate::panoptic::Convention::Cityscapes).)

mod average;
mod instances;
mod pixels;
mod pixels_report;

pub use average::{CityscapesInstanceReport, ClassAp};
pub use instances::{CityscapesInstances, ImageInstances, ImageMatcher};
pub use pixels::{CityscapesPixels, ImagePixels};
pub use pixels_report::CityscapesPixelReport;

use kmax_masks::categories::cityscapes::{LABELS, Label};

/// The classes whose instances are evaluated, by rising id: person, rider, car, truck, bus, train, motorcycle,
/// bicycle.
fn instance_labels() -> impl Iterator<Item = &'static Label> + Clone {
    LABELS.iter().filter(|label| label.has_instances && !label.ignored())
}

/// The categories that have an evaluated class, in the order of the labels.
const CATEGORIES: [&str; 7] = ["flat", "construction", "object", "nature", "sky", "human", "vehicle"];

#[cfg(test)]
mod tests;

//! What a model predicted of an image, as a journal keeps it.

use serde::{Deserialize, Serialize};

use super::entries::Annotation;
use super::instances::DetectionEntry;

/// What was predicted of an image whose PNG is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Predicted {
    /// Its segments.
    pub annotation: Annotation,
    /// Its objects, which may overlap.
    #[serde(default)]
    pub detections: Vec<DetectionEntry>,
    /// Digest of the photo's bytes: predictions of another photo under the same id are not this one's.
    pub photo: String,
}

//! Instance annotations as tools export them, which lack what only an evaluation needs.

use kmax_masks::{ImageId, ListedCategory};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::coco::{ImageEntry, Segmentation};
use crate::json;

/// An outlined object.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Entry {
    pub image_id: ImageId,
    #[serde(deserialize_with = "json::category")]
    pub category_id: u32,
    /// None, or no polygon at all, where only a box was drawn.
    #[serde(default)]
    pub segmentation: Option<Segmentation>,
    #[serde(default, deserialize_with = "json::any_box")]
    pub bbox: [f64; 4],
    #[serde(default, deserialize_with = "json::flag")]
    pub iscrowd: bool,
    /// CVAT and Datumaro write it with every object; the site does not.
    #[serde(default)]
    attributes: Option<IgnoredAny>,
}

impl Entry {
    /// Whether the flag of a crowd says no more than that the object was drawn with a brush: CVAT sets it for every mask.
    pub fn is_brushed(&self) -> bool {
        self.iscrowd && self.attributes.is_some() && matches!(self.segmentation, Some(Segmentation::Rle(_)))
    }

    /// Whether only a box was drawn.
    pub fn is_box(&self) -> bool {
        match &self.segmentation {
            None => true,
            Some(Segmentation::Polygons(polygons)) => polygons.iter().all(Vec::is_empty),
            Some(Segmentation::Rle(_)) => false,
        }
    }
}

/// The whole json.
#[derive(Debug, Deserialize)]
pub(super) struct Content {
    pub images: Vec<ImageEntry>,
    pub annotations: Vec<Entry>,
    pub categories: Vec<ListedCategory>,
}

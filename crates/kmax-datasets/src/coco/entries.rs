//! The entries of a COCO panoptic json.

use kmax_masks::{Category, ImageId, LabelMap, ListedCategory, Panoptic, Segment, fields};
use serde::{Deserialize, Serialize};

/// An entry of `images`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageEntry {
    /// The id that annotations refer to.
    pub id: ImageId,
    /// The image's file, relative to the folder of images.
    pub file_name: String,
    /// Width in pixels.
    #[serde(deserialize_with = "fields::whole")]
    pub width: u32,
    /// Height in pixels.
    #[serde(deserialize_with = "fields::whole")]
    pub height: u32,
}

impl ImageEntry {
    /// Whether the size is one that maps can have.
    pub(crate) fn check_size(&self) -> Result<(), String> {
        let pixels = u64::from(self.width) * u64::from(self.height);
        if pixels == 0 || pixels > kmax_masks::MAX_PIXELS as u64 {
            let most = kmax_masks::MAX_PIXELS;
            return Err(format!("{} x {} pixels: from 1 to {most} are read", self.width, self.height));
        }
        Ok(())
    }
}

/// An entry of `segments_info`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SegmentEntry {
    /// The id in the PNG: R + 256 G + 65536 B, not 0.
    #[serde(deserialize_with = "fields::whole")]
    pub id: u32,
    /// The class.
    #[serde(deserialize_with = "crate::json::category")]
    pub category_id: u32,
    /// Pixels. Only the evaluation of a ground truth depends on it, so it may be missing or have any form; it is then none.
    #[serde(default, deserialize_with = "crate::json::any_count", skip_serializing_if = "Option::is_none")]
    pub area: Option<u64>,
    /// The box `[x, y, width, height]` in pixels. Nothing depends on it, so it may be missing or have any form; it is then zeros.
    #[serde(default, deserialize_with = "crate::json::any_box")]
    pub bbox: [f64; 4],
    /// Whether it is a group that cannot be told apart.
    #[serde(default, deserialize_with = "crate::json::flag", serialize_with = "fields::as_number")]
    pub iscrowd: bool,
    /// The confidence in 0..1; not part of the official form, which ignores it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f32>,
}

impl From<&SegmentEntry> for Segment {
    fn from(entry: &SegmentEntry) -> Self {
        Self {
            id: entry.id,
            category_id: entry.category_id,
            score: entry.score,
            area: entry.area.unwrap_or(0),
            // A float cast saturates, so a negative or absurd box cannot wrap around.
            bbox: entry.bbox.map(|value| value as u32),
            iscrowd: entry.iscrowd,
        }
    }
}

impl From<&Segment> for SegmentEntry {
    fn from(segment: &Segment) -> Self {
        Self {
            id: segment.id,
            category_id: segment.category_id,
            area: Some(segment.area),
            bbox: segment.bbox.map(f64::from),
            iscrowd: segment.iscrowd,
            score: segment.score,
        }
    }
}

/// An entry of `annotations`: the segments of one image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Annotation {
    /// The image.
    pub image_id: ImageId,
    /// The PNG, relative to the folder of PNGs.
    pub file_name: String,
    /// Its segments.
    pub segments_info: Vec<SegmentEntry>,
}

impl Annotation {
    /// The ids of its segments.
    pub(crate) fn segment_ids(&self) -> Vec<u32> {
        self.segments_info.iter().map(|segment| segment.id).collect()
    }

    /// The segments with their map.
    pub(crate) fn over(&self, map: LabelMap) -> Panoptic {
        Panoptic::new(map, self.segments_info.iter().map(Segment::from).collect())
    }
}

/// A whole file, as it is written.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PanopticFile {
    /// The images.
    pub images: Vec<ImageEntry>,
    /// One entry an image.
    pub annotations: Vec<Annotation>,
    /// The classes.
    pub categories: Vec<Category>,
}

/// A whole file, as it is read. Predictions often have `annotations` only.
#[derive(Debug, Deserialize)]
pub(crate) struct PanopticContent {
    #[serde(default)]
    pub images: Vec<ImageEntry>,
    pub annotations: Vec<Annotation>,
    #[serde(default)]
    pub categories: Vec<ListedCategory>,
}

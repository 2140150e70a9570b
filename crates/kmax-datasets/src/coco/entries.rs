//! The entries of a COCO panoptic json.

use kmax_masks::{Category, ImageId, LabelMap, Panoptic, Segment};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

/// An entry of `images`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageEntry {
    /// The id that annotations refer to.
    pub id: ImageId,
    /// The image's file, relative to the folder of images.
    pub file_name: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

impl ImageEntry {
    /// Whether the size is one that maps can have.
    pub(crate) fn check_size(&self) -> Result<(), String> {
        let pixels = u64::from(self.width) * u64::from(self.height);
        if pixels == 0 || pixels > kmax_masks::MAX_PIXELS as u64 {
            return Err(format!("{} x {} pixels is no size that is read", self.width, self.height));
        }
        Ok(())
    }
}

/// An entry of `segments_info`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SegmentEntry {
    /// The id in the PNG: R + 256 G + 65536 B, not 0.
    pub id: u32,
    /// The class.
    pub category_id: u32,
    /// Pixels; predictions may leave it out.
    #[serde(default, deserialize_with = "crate::json::whole", skip_serializing_if = "Option::is_none")]
    pub area: Option<u64>,
    /// The box `[x, y, width, height]` in pixels. Nothing depends on it, so it may be missing or have any form; it is then zeros.
    #[serde(default, deserialize_with = "crate::json::any_box")]
    pub bbox: [f64; 4],
    /// Whether it is a group that cannot be told apart.
    #[serde(default, deserialize_with = "crate::json::flag", serialize_with = "crate::json::as_number")]
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
    /// The segments with their map.
    pub(crate) fn over(&self, map: LabelMap) -> Panoptic {
        Panoptic::new(map, self.segments_info.iter().map(Segment::from).collect())
    }
}

/// A whole file. Predictions often have `annotations` only.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PanopticFile {
    /// The images.
    #[serde(default)]
    pub images: Vec<ImageEntry>,
    /// One entry an image.
    pub annotations: Vec<Annotation>,
    /// The classes, each with its `isthing`, which decides what panoptic quality is of.
    #[serde(default, deserialize_with = "panoptic_categories")]
    pub categories: Vec<Category>,
}

/// Classes of which each must say whether it is a thing.
fn panoptic_categories<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Category>, D::Error> {
    struct Said(Category);
    impl<'de> Deserialize<'de> for Said {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let value = serde_json::Value::deserialize(deserializer)?;
            let said = value.get("isthing").is_some();
            let category = Category::deserialize(value).map_err(D::Error::custom)?;
            if !said {
                let (id, name) = (category.id, category.name);
                let reason = "the field `isthing` is missing (1 for things, 0 for stuff)";
                return Err(D::Error::custom(format!("category {id} ({name}): {reason}")));
            }
            Ok(Self(category))
        }
    }
    Ok(Vec::<Said>::deserialize(deserializer)?.into_iter().map(|Said(category)| category).collect())
}

/// What to say of an id that is not among those listed: an id of the other type is another id.
pub(crate) fn not_listed(id: &ImageId, listed: impl Fn(&ImageId) -> bool, list: &str) -> String {
    let (other, types) = match id {
        ImageId::Number(number) => (Some(ImageId::Text(number.to_string())), "a number here and a string"),
        ImageId::Text(text) => (text.parse().ok().map(ImageId::Number), "a string here and a number"),
    };
    if other.is_some_and(|other| listed(&other)) {
        return format!("the image's id is {types} in {list}");
    }
    format!("the image is not listed in {list}")
}

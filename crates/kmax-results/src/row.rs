//! A segment as COCO lists it, with names.

use kmax_masks::{Categories, ImageId, Rle, Segment};
use serde::Serialize;

/// A segment, an instance or a class of an image: an entry of COCO's `segments_info` or `annotations`, with its name and share.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Row {
    /// The id in the panoptic map; instances and classes have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<u32>,
    /// The class.
    pub category_id: u32,
    /// What the class is called; `?` if the model does not say.
    pub name: String,
    /// Whether the class is one of countable objects.
    pub isthing: bool,
    /// The confidence, 0 to 1; classes of semantic results have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// Pixels.
    pub area: u64,
    /// Share of the image's pixels, 0 to 1.
    pub share: f64,
    /// The box `[x, y, width, height]` in pixels.
    pub bbox: [u32; 4],
    /// 1 if it stands for a group that cannot be told apart.
    pub iscrowd: u8,
    /// The image of an instance, if it has an id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u64>))]
    pub image_id: Option<ImageId>,
    /// The mask, as COCO's compressed run-length code: `size` is height and width.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<RleSchema>))]
    pub segmentation: Option<Rle>,
}

/// COCO's compressed run-length code.
#[cfg(feature = "openapi")]
#[derive(utoipa::ToSchema)]
#[schema(as = Rle)]
#[allow(dead_code)]
pub(crate) struct RleSchema {
    /// Height and width.
    size: [u32; 2],
    /// The runs, as pycocotools writes them.
    counts: String,
}

impl Row {
    /// Of a segment of an image with so many pixels.
    pub(crate) fn new(categories: &Categories, pixels: u64, segment: &Segment) -> Self {
        let category = categories.get(segment.category_id);
        Self {
            id: Some(segment.id),
            category_id: segment.category_id,
            name: category.map_or("?", |category| category.name.as_str()).to_owned(),
            isthing: category.is_some_and(|category| category.isthing),
            score: segment.score.map(|score| millionths(score.into())),
            area: segment.area,
            share: millionths(segment.area as f64 / pixels as f64),
            bbox: segment.bbox,
            iscrowd: segment.iscrowd.into(),
            image_id: None,
            segmentation: None,
        }
    }
}

/// Digits beyond the sixth say nothing.
fn millionths(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

//! The json of an image.

use kmax_masks::fields::Any;
use serde::Deserialize;

use crate::json;

/// The labels of an image. The photo that may be in the json as well is passed over.
#[derive(Debug, Deserialize)]
pub(super) struct File {
    pub shapes: Vec<Shape>,
    #[serde(default, rename = "imagePath")]
    pub photo: Option<String>,
    #[serde(default, rename = "imageWidth", deserialize_with = "json::any_count")]
    pub width: Option<u64>,
    #[serde(default, rename = "imageHeight", deserialize_with = "json::any_count")]
    pub height: Option<u64>,
}

/// A shape that somebody drew.
#[derive(Debug, Deserialize)]
pub(super) struct Shape {
    pub label: String,
    pub points: Vec<[f64; 2]>,
    #[serde(default)]
    group_id: Option<Any>,
    #[serde(default)]
    pub shape_type: Option<String>,
    /// A PNG in base64.
    #[serde(default)]
    pub mask: Option<String>,
}

impl Shape {
    pub fn kind(&self) -> &str {
        self.shape_type.as_deref().unwrap_or("polygon")
    }

    /// Whether it has no area: a point or a line.
    pub fn is_thin(&self) -> bool {
        matches!(self.kind(), "point" | "points" | "line" | "linestrip")
    }

    /// What joins shapes to one object.
    pub fn group(&self) -> Option<String> {
        match self.group_id.as_ref()? {
            Any::Number(number) => Some(number.to_string()),
            Any::Text(text) => Some(text.clone()),
            _ => None,
        }
    }
}

//! How an image is named: a number in COCO, a text in ADE20K and Cityscapes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The id of an image. Numbers come before texts, each by rising order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected an image id: a whole number or a string")]
pub enum ImageId {
    /// As in COCO.
    Number(i64),
    /// As in ADE20K and Cityscapes, where it is a file's name without its ending.
    Text(String),
}

impl fmt::Display for ImageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

impl From<i64> for ImageId {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for ImageId {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for ImageId {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_ordered_as_numbers() {
        let mut ids = [ImageId::from("b"), 10.into(), 9.into(), "a".into()];
        ids.sort();
        assert_eq!(ids, [9.into(), 10.into(), ImageId::from("a"), "b".into()]);
        assert_eq!(serde_json::from_str::<[ImageId; 2]>(r#"[7, "ADE_val_00000001"]"#).unwrap()[0], 7.into());
    }
}

//! How an image is named: a number in COCO, a text in ADE20K and Cityscapes.

use std::fmt;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// The id of an image. Numbers come before texts, each by rising order. A number may be written `96.0`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(untagged)]
pub enum ImageId {
    /// As in COCO.
    Number(i64),
    /// As in ADE20K and Cityscapes, where it is a file's name without its ending.
    Text(String),
}

impl<'de> Deserialize<'de> for ImageId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;
        impl Visitor<'_> for Form {
            type Value = ImageId;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an image id: a whole number or a string")
            }
            fn visit_i64<E>(self, value: i64) -> Result<ImageId, E> {
                Ok(ImageId::Number(value))
            }
            fn visit_u64<E: Error>(self, value: u64) -> Result<ImageId, E> {
                let number = i64::try_from(value);
                number.map(ImageId::Number).map_err(|_| E::invalid_value(Unexpected::Unsigned(value), &self))
            }
            fn visit_f64<E: Error>(self, value: f64) -> Result<ImageId, E> {
                // Up to 2^53 a float holds every whole number exactly.
                if value.abs() <= 9_007_199_254_740_992.0 && value.fract() == 0.0 {
                    return Ok(ImageId::Number(value as i64));
                }
                Err(E::invalid_value(Unexpected::Float(value), &self))
            }
            fn visit_str<E>(self, text: &str) -> Result<ImageId, E> {
                Ok(ImageId::Text(text.to_owned()))
            }
            fn visit_string<E>(self, text: String) -> Result<ImageId, E> {
                Ok(ImageId::Text(text))
            }
        }
        deserializer.deserialize_any(Form)
    }
}

impl ImageId {
    /// The number that the id is, or that its text says: `7` and `"0007"` are different ids that look alike.
    pub fn number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
        }
    }
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
        let ids: Vec<ImageId> = serde_json::from_str(r#"[7, "ADE_val_00000001", 7.0, 9.6e1, -3]"#).unwrap();
        assert_eq!(ids, [7.into(), "ADE_val_00000001".into(), 7.into(), 96.into(), (-3).into()]);
        for text in ["7.5", "18446744073709551615", "null", "true", "[7]", "1e300"] {
            let error = serde_json::from_str::<ImageId>(text).expect_err(text).to_string();
            assert!(error.contains("expected an image id: a whole number or a string"), "{error}");
        }
        assert_eq!([ImageId::from("0007").number(), ImageId::from("a").number()], [Some(7), None]);
    }
}

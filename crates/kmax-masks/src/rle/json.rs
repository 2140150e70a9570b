//! COCO's JSON form of a run-length code.

use serde::de::Error as _;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Rle;

impl Serialize for Rle {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Rle", 2)?;
        object.serialize_field("size", &self.size)?;
        object.serialize_field("counts", &self.to_text())?;
        object.end()
    }
}

impl<'de> Deserialize<'de> for Rle {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Raw {
            size: [u32; 2],
            counts: Counts,
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Counts {
            Text(String),
            List(Vec<u32>),
        }
        let raw = Raw::deserialize(deserializer)?;
        match raw.counts {
            Counts::Text(text) => Self::from_text(raw.size, &text),
            Counts::List(counts) => Self::new(raw.size, counts),
        }
        .map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_and_the_string_is_written() {
        let list: Rle = serde_json::from_str(r#"{"size": [60, 80], "counts": [0, 4800]}"#).unwrap();
        let text: Rle = serde_json::from_str(r#"{"size": [60, 80], "counts": "0Pf4"}"#).unwrap();
        assert_eq!(list, text);
        assert_eq!(serde_json::to_string(&list).unwrap(), r#"{"size":[60,80],"counts":"0Pf4"}"#);
    }

    #[test]
    fn what_is_no_mask_is_refused() {
        for text in [
            r#"{"size": [60, 80], "counts": [0, 4801]}"#,
            r#"{"size": [60, 80], "counts": [-1, 4801]}"#,
            r#"{"size": [60], "counts": [0, 60]}"#,
            r#"{"size": [60, 80]}"#,
            r#"{"size": [4294967295, 4294967295], "counts": "0"}"#,
        ] {
            assert!(serde_json::from_str::<Rle>(text).is_err(), "{text}");
        }
    }
}

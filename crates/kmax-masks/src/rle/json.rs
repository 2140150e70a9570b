//! COCO's JSON form of a run-length code.

use std::fmt;

use serde::de::value::SeqAccessDeserializer;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Rle;
use crate::fields::Whole;

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
            size: [Whole; 2],
            counts: Counts,
        }
        let raw = Raw::deserialize(deserializer)?;
        let size = raw.size.map(|Whole(length)| length);
        match raw.counts {
            Counts::Text(text) => Self::from_text(size, &text),
            Counts::List(counts) => Self::new(size, counts.into_iter().map(|Whole(run)| run).collect()),
        }
        .map_err(D::Error::custom)
    }
}

/// Either form of the runs; told apart by the first character, without a copy.
enum Counts {
    Text(String),
    List(Vec<Whole>),
}

impl<'de> Deserialize<'de> for Counts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;
        impl<'de> Visitor<'de> for Form {
            type Value = Counts;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("the runs as a list or as the compressed string")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Counts, E> {
                Ok(Counts::Text(text.to_owned()))
            }
            fn visit_string<E: serde::de::Error>(self, text: String) -> Result<Counts, E> {
                Ok(Counts::Text(text))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Counts, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(Counts::List)
            }
        }
        deserializer.deserialize_any(Form)
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
        let floats = r#"{"size": [60.0, 8e1], "counts": [0.0, 4800.0]}"#;
        assert_eq!(serde_json::from_str::<Rle>(floats).unwrap(), list);
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

//! What a json is, by its outermost fields.

use std::fmt;
use std::path::Path;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::error::Result;
use crate::{files, json};

/// What a json holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    CocoPanoptic,
    CocoInstances,
    Labelme,
    LabelStudio,
    /// Nothing that is known, or no json.
    Other,
}

/// # Errors
/// If the file cannot be read.
pub(super) fn sniff(file: &Path) -> Result<Kind> {
    let bytes = files::read_list(file)?;
    let Ok(Top { list, fields, annotation }) = json::parse(file, &bytes) else { return Ok(Kind::Other) };
    let has = |field: &str| fields.iter().any(|known| known == field);
    let of_list = list && has("data") && (has("annotations") || has("completions"));
    // A list of tasks without their `data` is Label Studio's short form.
    let short = list && has("annotator") && has("annotation_id");
    Ok(if of_list || short {
        Kind::LabelStudio
    } else if list {
        Kind::Other
    } else if has("shapes") && (has("imagePath") || has("imageData")) {
        Kind::Labelme
    } else if has("annotations") && annotation.iter().any(|field| field == "segments_info") {
        Kind::CocoPanoptic
    } else if has("images") && has("annotations") && has("categories") {
        Kind::CocoInstances
    } else {
        Kind::Other
    })
}

/// The fields of an object, or of the first object of a list.
#[derive(Default)]
struct Top {
    list: bool,
    fields: Vec<String>,
    /// The fields of the first entry of `annotations`.
    annotation: Vec<String>,
}

impl<'de> Deserialize<'de> for Top {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let mut top = Self::default();
        Level { top: &mut top, depth: 0 }.deserialize(deserializer)?;
        Ok(top)
    }
}

/// Walks the outermost object and, with depth 1, that of an annotation.
struct Level<'a> {
    top: &'a mut Top,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Level<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> std::result::Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<(), A::Error> {
        while let Some(field) = map.next_key::<String>()? {
            if self.depth == 0 && field == "annotations" {
                map.next_value_seed(Level { top: self.top, depth: 1 })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
            let fields = if self.depth == 0 { &mut self.top.fields } else { &mut self.top.annotation };
            fields.push(field);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> std::result::Result<(), A::Error> {
        self.top.list |= self.depth == 0;
        list.next_element_seed(Level { top: self.top, depth: self.depth })?;
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> std::result::Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> std::result::Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> std::result::Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> std::result::Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> std::result::Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> std::result::Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jsons_are_known_by_their_fields() -> Result<()> {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        for (text, kind) in [
            (r#"{"annotations": [{"segments_info": []}], "images": []}"#, Kind::CocoPanoptic),
            (r#"{"annotations": [{"id": NaN}], "images": [], "categories": []}"#, Kind::CocoInstances),
            ("\u{feff}{\"shapes\": [], \"imagePath\": \"a.png\"}", Kind::Labelme),
            (r#"[{"id": 1, "annotations": [], "data": {"image": "a"}}]"#, Kind::LabelStudio),
            (r#"{"annotations": 7}"#, Kind::Other),
            ("[[[1]], true]", Kind::Other),
            ("{", Kind::Other),
            ("", Kind::Other),
        ] {
            std::fs::write(file.path(), text).expect("written");
            assert_eq!(sniff(file.path())?, kind, "{text}");
        }
        Ok(())
    }
}

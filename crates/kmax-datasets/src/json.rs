//! Reading JSON with errors that say where.

use std::path::Path;

use kmax_masks::{Categories, Category};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::files;
use crate::text::utf8;

/// Reads a JSON file of UTF-8 or UTF-16, with a byte order mark or without.
///
/// # Errors
/// If the file cannot be read or has another form; the message names the value (`annotations[3].image_id`), line and column.
pub fn read<T: DeserializeOwned>(file: &Path) -> Result<T> {
    parse(file, &files::read(file)?)
}

/// As [`read`], from the bytes of the file: UTF-8 or UTF-16, with a byte order mark or without.
pub(crate) fn parse<T: DeserializeOwned>(file: &Path, bytes: &[u8]) -> Result<T> {
    let bytes = &*utf8(bytes);
    // Keeping track of the place doubles the time, so it is done for a file that is wrong only.
    if let Ok(value) = serde_json::from_slice(bytes) {
        return Ok(value);
    }
    let mut parser = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut parser).map_err(|error| {
        let entry = match error.path().to_string() {
            path if path == "." => "top level".to_owned(),
            path => path,
        };
        Error::Json { file: file.to_path_buf(), entry, reason: error.into_inner().to_string() }
    })?;
    parser.end().map_err(|error| Error::Json {
        file: file.to_path_buf(),
        entry: "after the end".into(),
        reason: error.to_string(),
    })?;
    Ok(value)
}

/// The classes in a json: its `categories`, or the whole of it if it is a list.
///
/// # Errors
/// If the file cannot be read, has no classes, or an id occurs twice.
pub fn read_categories(file: &Path) -> Result<Categories> {
    #[derive(Deserialize)]
    struct Holder {
        categories: Vec<Category>,
    }
    let bytes = files::read(file)?;
    let bytes = utf8(&bytes);
    let list = match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'[') => parse(file, &bytes)?,
        _ => parse::<Holder>(file, &bytes)?.categories,
    };
    Categories::new(list).map_err(Error::masks(file))
}

/// A flag that is written as 0, 1, `true` or `false`.
pub(crate) fn flag<'de, D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<bool, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Flag {
        Bool(bool),
        Number(u64),
    }
    match Flag::deserialize(deserializer) {
        Ok(Flag::Bool(flag)) => Ok(flag),
        Ok(Flag::Number(number @ 0..=1)) => Ok(number == 1),
        _ => Err(serde::de::Error::custom("expected 0 or 1")),
    }
}

/// A count that some writers give as `12.0`, or leave out.
pub(crate) fn whole<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<u64>, D::Error> {
    struct Whole;
    impl serde::de::Visitor<'_> for Whole {
        type Value = u64;
        fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
            f.write_str("a whole number that is not negative")
        }
        fn visit_u64<E: serde::de::Error>(self, value: u64) -> std::result::Result<u64, E> {
            Ok(value)
        }
        fn visit_f64<E: serde::de::Error>(self, value: f64) -> std::result::Result<u64, E> {
            // Up to 2^53 a float holds every whole number exactly.
            if (0.0..=9_007_199_254_740_992.0).contains(&value) && value.fract() == 0.0 {
                return Ok(value as u64);
            }
            Err(E::invalid_value(serde::de::Unexpected::Float(value), &self))
        }
    }
    deserializer.deserialize_any(Whole).map(Some)
}

/// A box, which nothing depends on: zeros where it is not four numbers.
pub(crate) fn any_box<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<[f64; 4], D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(<[f64; 4]>::deserialize(value).unwrap_or_default())
}

/// A flag as the 0 or 1 of COCO's files.
pub(crate) fn as_number<S: serde::Serializer>(
    flag: &bool,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_u8(u8::from(*flag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categories_are_a_list_or_in_an_object() -> Result<()> {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let read = |text: &str| {
            std::fs::write(file.path(), text).expect("written");
            read_categories(file.path())
        };
        let list = read(" [{\"id\": 4, \"name\": \"shirt\"}]")?;
        assert_eq!(list, read("{\"images\": 7, \"categories\": [{\"id\": 4, \"name\": \"shirt\"}]}")?);
        assert!(read("{}").is_err() && read("").is_err() && read("[{\"id\": 4}]").is_err());
        Ok(())
    }

    #[test]
    fn counts_may_be_written_as_floats() {
        #[derive(Debug, Deserialize)]
        struct Area {
            #[serde(default, deserialize_with = "whole")]
            area: Option<u64>,
        }
        let read = |text: &str| serde_json::from_str::<Area>(text).map(|read| read.area).ok();
        assert_eq!(read("{}"), Some(None));
        assert_eq!(read("{\"area\": 12}"), Some(Some(12)));
        assert_eq!(read("{\"area\": 12.0}"), Some(Some(12)));
        for wrong in ["-1", "-1.0", "1.5", "1e30", "null", "\"1\""] {
            assert_eq!(read(&format!("{{\"area\": {wrong}}}")), None, "{wrong}");
        }
    }
}

//! Reading JSON with errors that say where.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::{Error, Result};

/// Reads a JSON file; an error names the value (`annotations[3].image_id`), line and column.
pub(crate) fn read<T: DeserializeOwned>(file: &Path) -> Result<T> {
    let reader = BufReader::with_capacity(1 << 20, File::open(file).map_err(Error::io(file))?);
    let mut parser = serde_json::Deserializer::from_reader(reader);
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

/// A flag as the 0 or 1 of COCO's files.
pub(crate) fn as_number<S: serde::Serializer>(
    flag: &bool,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_u8(u8::from(*flag))
}

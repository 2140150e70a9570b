//! Reading JSON with errors that say where.

mod nan;

use std::path::Path;

use kmax_base::read::decode;
use kmax_masks::fields::{self, Any, Integer};
use kmax_masks::{Categories, Category, ListedCategory};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use crate::error::{Error, Result};
use crate::files;
use crate::things::Things;

/// Reads a JSON file of UTF-8 or UTF-16, with a byte order mark or without. Where nothing is read, `NaN` and `Infinity` may stand, as
/// Python writes them.
///
/// # Errors
/// If there is no memory for it, it cannot be read or has another form; the message names the value
/// (`annotations[3].image_id`), line and column.
pub fn read<T: DeserializeOwned>(file: &Path) -> Result<T> {
    parse(file, &files::read_list(file)?)
}

/// As [`read`], from the bytes of the file.
pub(crate) fn parse<T: DeserializeOwned>(file: &Path, bytes: &[u8]) -> Result<T> {
    parse_text(file, &decode(bytes).map_err(Error::read(file))?)
}

fn parse_text<T: DeserializeOwned>(file: &Path, text: &str) -> Result<T> {
    // Keeping track of the place doubles the time, so it is done for a file that is wrong only.
    if let Ok(value) = serde_json::from_str(text) {
        return Ok(value);
    }
    let plain = nan::replaced(text);
    if let Some(value) = plain.as_deref().and_then(|plain| serde_json::from_str(plain).ok()) {
        return Ok(value);
    }
    let mut parser = serde_json::Deserializer::from_str(plain.as_deref().unwrap_or(text));
    let fail = |entry: &str, error: &serde_json::Error| {
        let reason = nan::named(text, error).unwrap_or_else(|| error.to_string());
        Error::Json { file: file.to_path_buf(), entry: entry.to_owned(), reason }
    };
    let value = serde_path_to_error::deserialize(&mut parser).map_err(|error| {
        let path = error.path().to_string();
        fail(if path == "." { "top level" } else { &path }, error.inner())
    })?;
    parser.end().map_err(|error| fail("after the end", &error))?;
    Ok(value)
}

/// The classes in a json: its `categories`, or the whole of it if it is a list. Those that do not say so are things.
///
/// # Errors
/// If the file cannot be read, has no classes, or an id occurs twice.
pub fn read_categories(file: &Path) -> Result<Categories> {
    let list = listed_categories(file)?.into_iter().map(Category::from).collect();
    Categories::new(list).map_err(Error::masks(file))
}

/// As [`read_categories`], of classes that must say whether they are things, here or in the file.
///
/// # Errors
/// As [`read_categories`]; also if a class does not say it, or says it in both places and differently.
pub fn read_panoptic_categories(file: &Path, things: &Things) -> Result<Categories> {
    Categories::new(things.decide(file, listed_categories(file)?)?).map_err(Error::masks(file))
}

fn listed_categories(file: &Path) -> Result<Vec<ListedCategory>> {
    #[derive(Deserialize)]
    struct Holder {
        categories: Vec<ListedCategory>,
    }
    let bytes = files::read_list(file)?;
    let text = decode(&bytes).map_err(Error::read(file))?;
    if text.trim_start().starts_with('[') {
        return parse_text(file, &text);
    }
    Ok(parse_text::<Holder>(file, &text)?.categories)
}

type Field<T, E> = std::result::Result<T, E>;

/// A flag that may be missing, or nothing: then it is not set.
pub(crate) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Field<bool, D::Error> {
    Ok(fields::flag(deserializer)?.unwrap_or_default())
}

/// A count that may have any form: nothing where it is no whole number.
pub(crate) fn any_count<'de, D: Deserializer<'de>>(deserializer: D) -> Field<Option<u64>, D::Error> {
    Ok(Any::deserialize(deserializer)?.whole())
}

/// A number that may have any form: nothing where it is no number.
pub(crate) fn any_number<'de, D: Deserializer<'de>>(deserializer: D) -> Field<Option<f64>, D::Error> {
    Ok(match Any::deserialize(deserializer)? {
        Any::Number(number) => Some(number),
        _ => None,
    })
}

/// A box, which nothing depends on: zeros where it is not four numbers.
pub(crate) fn any_box<'de, D: Deserializer<'de>>(deserializer: D) -> Field<[f64; 4], D::Error> {
    Ok(Any::deserialize(deserializer)?.numbers(4).unwrap_or_default())
}

/// The id of a class, where something refers to it.
pub(crate) fn category<'de, D: Deserializer<'de>>(deserializer: D) -> Field<u32, D::Error> {
    struct Id(u32);
    impl TryFrom<i128> for Id {
        type Error = std::num::TryFromIntError;
        fn try_from(value: i128) -> Field<Self, Self::Error> {
            value.try_into().map(Self)
        }
    }
    impl Integer for Id {
        const RANGE: &'static str = "from 0 to 4294967295, as the ids in `categories` are,";
    }
    fields::whole(deserializer).map(|Id(id)| id)
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
        assert_eq!(list, read("\u{feff}[{\"id\": 4.0, \"name\": \"shirt\", \"color\": NaN}]")?);
        assert!(read("{}").is_err() && read("").is_err() && read("[{\"id\": 4}]").is_err());
        Ok(())
    }

    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "some are read to see that they can be")]
    struct Fields {
        #[serde(default, deserialize_with = "any_count")]
        area: Option<u64>,
        #[serde(default, deserialize_with = "any_box")]
        bbox: [f64; 4],
        #[serde(default, deserialize_with = "category")]
        category_id: u32,
        #[serde(default)]
        name: String,
        #[serde(default)]
        list: Vec<u32>,
    }

    fn fields(text: &str) -> Result<Fields> {
        parse(Path::new("a.json"), text.as_bytes())
    }

    #[test]
    fn what_nothing_depends_on_may_have_any_form() {
        for (text, area) in [
            ("{}", None),
            ("{\"area\": 12}", Some(12)),
            ("{\"area\": 12.0}", Some(12)),
            ("{\"area\": 1.2e1}", Some(12)),
        ] {
            assert_eq!(fields(text).map(|read| read.area).ok(), Some(area), "{text}");
        }
        for odd in
            ["-1", "1.5", "1e30", "null", "\"1\"", "[1, 2]", "{\"x\": [NaN]}", "NaN", "-Infinity", "Infinity"]
        {
            let read =
                fields(&format!("{{\"area\": {odd}, \"bbox\": {odd}, \"unknown\": {odd}}}")).expect(odd);
            assert_eq!((read.area, read.bbox), (None, [0.0; 4]), "{odd}");
        }
        assert_eq!(
            fields("{\"bbox\": [1, 2.5, 3, 4]}").map(|read| read.bbox).ok(),
            Some([1.0, 2.5, 3.0, 4.0])
        );
    }

    #[test]
    fn what_is_no_number_is_named_with_its_place() {
        for (text, expected) in [
            ("{\"category_id\": NaN}", "a.json: category_id: NaN cannot stand here, at line 1 column 17"),
            (
                "{\n \"list\": [1, -Infinity]}",
                "a.json: list[1]: -Infinity cannot stand here, at line 2 column 14",
            ),
            ("{\"list\": Infinity}", "a.json: list: Infinity cannot stand here"),
            ("{\"name\": NaN}", "a.json: name: NaN cannot stand here"),
            ("{\"unknown\": NaN, \"name\": 3}", "a.json: name: invalid type: integer `3`, expected a string"),
            (
                "{\"category_id\": \"3\"}",
                "a.json: category_id: \"3\" is in quotes, expected a whole number from 0 to \
              4294967295, as the ids in `categories` are, without them",
            ),
            ("{} x", "a.json: after the end: trailing characters"),
        ] {
            let message = fields(text).map(|read| read.name).expect_err(text).to_string();
            assert!(message.starts_with(expected), "{message}");
        }
        let message =
            parse::<Fields>(Path::new("a.json"), b"{\"name\": \"\xe4\"}").expect_err("Latin-1").to_string();
        assert!(
            message.starts_with("a.json: is neither UTF-8 nor UTF-16: byte 0xe4 at 10 (line 1)"),
            "{message}"
        );
    }
}

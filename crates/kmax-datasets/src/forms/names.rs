//! Lists of classes that lie beside labels.

use std::path::{Path, PathBuf};

use kmax_masks::ListedCategory;
use serde::Deserialize;
use serde_json::Value;

use super::classes::{listed, numbered};
use super::options::Options;
use super::survey::ends;
use super::text;
use crate::error::{Error, Result};
use crate::json;

/// What lists are called.
const LISTS: [&str; 10] = [
    "classes.txt",
    "labels.txt",
    "label_names.txt",
    "class_names.txt",
    "names.txt",
    "classes.json",
    "labels.json",
    "id2label.json",
    "_classes.csv",
    "objectInfo150.txt",
];

/// The list that somebody names, or the first of the usual names in a folder, with the classes in it.
///
/// # Errors
/// If it is damaged.
pub(super) fn class_list(folder: &Path, options: &Options) -> Result<Option<(PathBuf, Vec<ListedCategory>)>> {
    let usual = || LISTS.iter().map(|name| folder.join(name)).find(|file| file.is_file());
    let Some(file) = options.classes.clone().or_else(usual) else { return Ok(None) };
    let classes = if ends(&file.to_string_lossy(), &["json"]) { of_json(&file)? } else { of_lines(&file)? };
    Ok(Some((file, classes)))
}

/// A name a line; or a number and a name a line, if each line begins with one. A first line of titles is passed over.
fn of_lines(file: &Path) -> Result<Vec<ListedCategory>> {
    let text = text::table(file)?;
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    // ADE20K's own: number, ratio, two counts and the name, parted by tabs.
    let last_of_tabs = lines.first().is_some_and(|line| line.starts_with("Idx\t"));
    let pair = |line| pair(line, last_of_tabs);
    let titles =
        lines.len() > 1 && pair(lines[0]).is_none() && lines[1..].iter().all(|line| pair(line).is_some());
    let body = if titles { &lines[1..] } else { &lines[..] };
    let pairs: Option<Vec<(u32, &str)>> = body.iter().map(|line| pair(line)).collect();
    Ok(match pairs {
        Some(pairs) => pairs.into_iter().map(|(id, name)| listed(id, name)).collect(),
        None => numbered(lines),
    })
}

/// The number and the name of a line.
fn pair(line: &str, last_of_tabs: bool) -> Option<(u32, &str)> {
    let (number, rest) = line.split_once([' ', '\t', ',', ':', ';', '='])?;
    let name = if last_of_tabs { rest.rsplit('\t').next()? } else { rest };
    let name = name.trim_matches(|letter: char| letter.is_whitespace() || ",:;=\"'".contains(letter));
    (!name.is_empty()).then_some((number.trim().parse().ok()?, name))
}

/// A list of names, a map from number to name or from name to number, or `categories` as COCO's.
fn of_json(file: &Path) -> Result<Vec<ListedCategory>> {
    let fail = |reason: &str| Error::file(file, format!("is no list of classes: {reason}"));
    let value: Value = json::parse(file, text::table(file)?.as_bytes())?;
    let value = match &value {
        Value::Object(map) if map.contains_key("categories") => map["categories"].clone(),
        Value::Object(map) if map.contains_key("id2label") => map["id2label"].clone(),
        _ => value,
    };
    match value {
        Value::Array(list) if list.iter().all(Value::is_string) => {
            Ok(numbered(list.iter().filter_map(Value::as_str)))
        }
        Value::Array(list) => {
            let class =
                |value: Value| ListedCategory::deserialize(value).map_err(|error| fail(&error.to_string()));
            list.into_iter().map(class).collect()
        }
        Value::Object(map) => {
            let pair = |(key, value): (&String, &Value)| match (key.parse(), value) {
                (Ok(id), Value::String(name)) => Some((id, name.clone())),
                (_, Value::Number(id)) => Some((u32::try_from(id.as_u64()?).ok()?, key.clone())),
                _ => None,
            };
            let pairs: Option<Vec<(u32, String)>> = map.iter().map(pair).collect();
            let mut pairs = pairs.ok_or_else(|| fail("expected numbers and names"))?;
            pairs.sort_unstable();
            Ok(pairs.into_iter().map(|(id, name)| listed(id, name)).collect())
        }
        _ => Err(fail("expected a list or a map")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Set, message};
    use super::*;

    fn read(name: &str, text: &str) -> Result<Vec<(u32, String)>> {
        let set = Set::new().text(name, text);
        let found = class_list(set.path(), &Options::default())?.expect("a list");
        Ok(found.1.into_iter().map(|class| (class.id, class.name)).collect())
    }

    #[test]
    fn lists_of_many_kinds_are_read() -> Result<()> {
        let plain = [(0, "road".to_owned()), (1, "big sky".to_owned())];
        for (name, text) in [
            ("classes.txt", "road\r\nbig sky\r\n"),
            ("labels.txt", "\u{feff}0 road\n1 big sky\n"),
            ("label_names.txt", "0: road\n1: big sky\n"),
            ("_classes.csv", "Pixel Value, Class\n0, road\n1, big sky\n"),
            (
                "objectInfo150.txt",
                "Idx\tRatio\tTrain\tVal\tStuff\tName\n0\t0.1\t2\t3\t1\troad\n1\t0.2\t4\t5\t0\tbig sky\n",
            ),
            ("classes.json", r#"["road", "big sky"]"#),
            ("id2label.json", r#"{"1": "big sky", "0": "road"}"#),
            ("labels.json", r#"{"big sky": 1, "road": 0}"#),
            (
                "labels.json",
                r#"{"categories": [{"id": 0, "name": "road"}, {"id": 1, "name": "big sky", "isthing": 1}]}"#,
            ),
        ] {
            assert_eq!(read(name, text)?, plain, "{name}");
        }
        assert_eq!(read("classes.txt", "7 up\ncola\n")?, [(0, "7 up".to_owned()), (1, "cola".to_owned())]);
        assert!(message(read("classes.json", "{\"a\": \"b\"}")).contains("expected numbers and names"));
        assert!(message(read("classes.json", "7")).contains("expected a list or a map"));
        assert!(class_list(Set::new().path(), &Options::default())?.is_none());
        Ok(())
    }
}

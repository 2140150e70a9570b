//! Results as they come, so that interrupted work goes on where it was.

use std::fs::{File, TryLockError};
use std::io::Write;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use kmax_base::read::open_to_append;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::{files, json};

/// The first line: what the results are of.
#[derive(Serialize, Deserialize)]
struct Header {
    predictions_of: String,
}

/// A file of one JSON line a result, to which results are added.
#[derive(Debug)]
pub struct Journal<T> {
    path: PathBuf,
    out: File,
    _lines: PhantomData<T>,
}

impl<T: Serialize + DeserializeOwned> Journal<T> {
    /// Begins a journal, or goes on with the one that is there and gives its results. `predictions_of` tells apart what
    /// must not be mixed: a model, a dataset.
    ///
    /// A last line without its end was cut off by the interruption; it is dropped. The journal is held until it is dropped, or its
    /// process ends.
    ///
    /// # Errors
    /// If the file cannot be read or written, is no journal, is one of other results, or is held by another process.
    pub fn open(path: &Path, predictions_of: &str) -> Result<(Self, Vec<T>)> {
        let out = open_to_append(path).map_err(Error::write(path))?;
        if let Err(TryLockError::WouldBlock) = out.try_lock() {
            return Err(Error::file(path, "another process is making these results"));
        }
        let found = Found::read(path)?;
        if let Some(other) = found.predictions_of.filter(|other| other != predictions_of) {
            let what = difference(&other, predictions_of);
            let reason = format!("these are other results: {what}; give another folder, or remove this one");
            return Err(Error::file(path, reason));
        }
        out.set_len(found.length as u64).map_err(Error::write(path))?;
        let mut journal = Self { path: path.to_path_buf(), out, _lines: PhantomData };
        if found.length == 0 {
            journal.line(&Header { predictions_of: predictions_of.to_owned() })?;
        }
        Ok((journal, found.lines))
    }

    /// What a journal that nobody writes to holds: what its results are of, and the results.
    ///
    /// # Errors
    /// If the file cannot be read, or is no journal.
    pub fn read(path: &Path) -> Result<(String, Vec<T>)> {
        let found = Found::read(path)?;
        let of = found.predictions_of.ok_or_else(|| Error::file(path, "has no line"))?;
        Ok((of, found.lines))
    }

    /// Adds a result of which everything else is written.
    ///
    /// # Errors
    /// If the line cannot be written.
    pub fn add(&mut self, result: &T) -> Result<()> {
        self.line(result)
    }

    fn line(&mut self, value: &impl Serialize) -> Result<()> {
        let write = |out: &mut File| {
            let mut line = serde_json::to_vec(value)?;
            line.push(b'\n');
            // In one call, so that a line is cut only where the system stops in the middle.
            out.write_all(&line)?;
            out.sync_data()
        };
        write(&mut self.out).map_err(Error::write(&self.path))
    }
}

/// In which way two things differ that predictions are of. Both are objects of JSON as a rule: then the first settings that differ are
/// named with their values, the older one's first.
pub fn difference(old: &str, new: &str) -> String {
    let (Ok(old_values), Ok(new_values)) = (serde_json::from_str(old), serde_json::from_str(new)) else {
        return format!("of {}, not of {}", short(old), short(new));
    };
    let mut found = Vec::new();
    differences("", &old_values, &new_values, &mut found);
    found.truncate(NAMED);
    found.join(", ")
}

/// The most settings that a message names.
const NAMED: usize = 3;

/// The longest value in a message, in characters.
const LONGEST: usize = 80;

fn short(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn differences(name: &str, old: &Value, new: &Value, found: &mut Vec<String>) {
    if let (Value::Object(old), Value::Object(new)) = (old, new) {
        let more = new.keys().filter(|key| !old.contains_key(*key));
        for key in old.keys().chain(more) {
            let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
            let value = |of: &Map<String, Value>| of.get(key).cloned().unwrap_or_default();
            differences(&name, &value(old), &value(new), found);
        }
    } else if old != new {
        let text = |value: &Value| short(&value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        found.push(format!("{} was {}, now {}", short(name), text(old), text(new)));
    }
}

/// The whole lines of a file.
struct Found<T> {
    predictions_of: Option<String>,
    lines: Vec<T>,
    /// Bytes that they take.
    length: usize,
}

impl<T: DeserializeOwned> Found<T> {
    fn read(path: &Path) -> Result<Self> {
        let bytes = files::read(path)?;
        let length = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let mut lines = bytes[..length].split_inclusive(|&byte| byte == b'\n').enumerate();
        let header = lines.next().map(|(_, line)| parse::<Header>(path, 0, line)).transpose()?;
        let lines = lines.map(|(number, line)| parse(path, number, line)).collect::<Result<_>>()?;
        Ok(Self { predictions_of: header.map(|header| header.predictions_of), lines, length })
    }
}

fn parse<T: DeserializeOwned>(path: &Path, number: usize, line: &[u8]) -> Result<T> {
    json::parse(path, line).map_err(|error| match error {
        Error::Json { file, entry, reason } => {
            Error::Json { file, entry: format!("line {}: {entry}", number + 1), reason }
        }
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coco::{Annotation, Predicted};

    fn predicted(image: i64) -> Predicted {
        let annotation = Annotation {
            image_id: image.into(),
            file_name: format!("{image}.png"),
            segments_info: Vec::new(),
        };
        Predicted { annotation, detections: Vec::new(), photo: "sha256:0".into() }
    }

    #[test]
    fn an_interrupted_journal_goes_on() -> Result<()> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("journal.jsonl");
        let (mut journal, done) = Journal::<Predicted>::open(&file, "a model")?;
        assert!(done.is_empty());
        journal.add(&predicted(1))?;
        journal.add(&predicted(2))?;
        drop(journal);
        // The interruption cut the second image's line.
        let bytes = files::read(&file)?;
        std::fs::write(&file, &bytes[..bytes.len() - 5]).expect("written");
        let (mut journal, done) = Journal::<Predicted>::open(&file, "a model")?;
        assert_eq!(done, [predicted(1)]);
        journal.add(&predicted(3))?;
        let held = Journal::<Predicted>::open(&file, "a model").expect_err("held").to_string();
        assert!(held.contains("another process"), "{held}");
        drop(journal);
        let done = [predicted(1), predicted(3)];
        assert_eq!(Journal::<Predicted>::open(&file, "a model")?.1, done);
        assert_eq!(Journal::<Predicted>::read(&file)?, ("a model".into(), done.to_vec()));

        let other = Journal::<Predicted>::open(&file, "another").expect_err("another model").to_string();
        assert!(other.contains("of a model, not of another; give"), "{other}");
        std::fs::write(&file, b"{\"predictions_of\": \"a model\"}\n{\"x\": 1}\n").expect("written");
        let broken = Journal::<Predicted>::open(&file, "a model").expect_err("no image").to_string();
        assert!(broken.contains("journal.jsonl: line 2: "), "{broken}");
        Ok(())
    }

    #[test]
    fn what_differs_is_named() {
        let old = r#"{"model": "a", "min_score": null, "postprocess": {"x": 0.4, "y": 1}}"#;
        let new = r#"{"model": "a", "min_score": 0.5, "postprocess": {"x": 0.4, "y": 2}, "more": [1]}"#;
        let said = "min_score was null, now 0.5, postprocess.y was 1, now 2, more was null, now [1]";
        assert_eq!(difference(old, new), said);
        let long = "z".repeat(1 << 20);
        assert!(difference(&long, "b").chars().count() < 120);
        assert!(difference(&format!(r#"{{"{long}": "{long}"}}"#), "{}").chars().count() < 300);
    }
}

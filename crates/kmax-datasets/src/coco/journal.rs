//! Predictions as they come, so that an interrupted evaluation goes on where it was.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::entries::Annotation;
use super::instances::DetectionEntry;
use crate::error::{Error, Result};
use crate::{files, json};

/// What was predicted of an image whose PNG is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Predicted {
    /// Its segments.
    pub annotation: Annotation,
    /// Its objects, which may overlap.
    #[serde(default)]
    pub detections: Vec<DetectionEntry>,
    /// Digest of the photo's bytes: predictions of another photo under the same id are not this one's.
    pub photo: String,
}

/// The first line: what the predictions are of.
#[derive(Serialize, Deserialize)]
struct Header {
    predictions_of: String,
}

/// A file of one JSON line an image, to which finished images are added.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    out: File,
}

impl Journal {
    /// Begins a journal, or goes on with the one that is there and gives its images. `predictions_of` tells apart what
    /// must not be mixed: a model, a dataset.
    ///
    /// A last line without its end was cut off by the interruption; it is dropped. Of several lines of an image the last counts. The
    /// journal is held until it is dropped, or its process ends.
    ///
    /// # Errors
    /// If the file cannot be read or written, is no journal, is one of other predictions, or is held by another process.
    pub fn open(path: &Path, predictions_of: &str) -> Result<(Self, Vec<Predicted>)> {
        let out = OpenOptions::new().create(true).append(true).open(path).map_err(Error::write(path))?;
        if let Err(TryLockError::WouldBlock) = out.try_lock() {
            return Err(Error::file(path, "another process is making these predictions"));
        }
        let bytes = if path.exists() { files::read(path)? } else { Vec::new() };
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let mut lines = bytes[..whole].split_inclusive(|&byte| byte == b'\n').enumerate();
        let mut done = Vec::new();
        if let Some((_, first)) = lines.next() {
            let header: Header = parse(path, 0, first)?;
            if header.predictions_of != predictions_of {
                let reason = format!(
                    "these are predictions of {}, not of {predictions_of}: give another folder, or remove this one",
                    header.predictions_of
                );
                return Err(Error::file(path, reason));
            }
            let all = lines.map(|(number, line)| parse::<Predicted>(path, number, line));
            let mut places = HashMap::new();
            for predicted in all {
                let predicted = predicted?;
                match places.entry(predicted.annotation.image_id.clone()) {
                    Entry::Occupied(place) => done[*place.get()] = predicted,
                    Entry::Vacant(place) => {
                        place.insert(done.len());
                        done.push(predicted);
                    }
                }
            }
        }
        out.set_len(whole as u64).map_err(Error::write(path))?;
        let mut journal = Self { path: path.to_path_buf(), out };
        if whole == 0 {
            journal.line(&Header { predictions_of: predictions_of.to_owned() })?;
        }
        Ok((journal, done))
    }

    /// Adds an image whose PNG is written.
    ///
    /// # Errors
    /// If the line cannot be written.
    pub fn add(&mut self, predicted: &Predicted) -> Result<()> {
        self.line(predicted)
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

fn parse<T: serde::de::DeserializeOwned>(path: &Path, number: usize, line: &[u8]) -> Result<T> {
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
        let (mut journal, done) = Journal::open(&file, "a model")?;
        assert_eq!(done, []);
        journal.add(&predicted(1))?;
        journal.add(&predicted(2))?;
        drop(journal);
        // The interruption cut the second image's line.
        let bytes = files::read(&file)?;
        std::fs::write(&file, &bytes[..bytes.len() - 5]).expect("written");
        let (mut journal, done) = Journal::open(&file, "a model")?;
        assert_eq!(done, [predicted(1)]);
        journal.add(&predicted(3))?;
        let held = Journal::open(&file, "a model").expect_err("held").to_string();
        assert!(held.contains("another process"), "{held}");
        // An image that was predicted again.
        let again = Predicted { photo: "sha256:1".into(), ..predicted(1) };
        journal.add(&again)?;
        drop(journal);
        assert_eq!(Journal::open(&file, "a model")?.1, [again, predicted(3)]);

        let other = Journal::open(&file, "another").expect_err("another model").to_string();
        assert!(other.contains("a model, not of another"), "{other}");
        std::fs::write(&file, b"{\"predictions_of\": \"a model\"}\n{\"x\": 1}\n").expect("written");
        let broken = Journal::open(&file, "a model").expect_err("no image").to_string();
        assert!(broken.contains("journal.jsonl: line 2: "), "{broken}");
        Ok(())
    }
}

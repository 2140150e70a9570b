//! What a server says of a plain file, kept beside what has come of it.

use crate::checksum::Checksum;
use crate::error::{Error, Result};
use crate::receive::part;
use crate::transport::Answer;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Largest note that is read.
const LARGEST: u64 = 1 << 16;

/// Size, checksum, and what tells a file from its older content.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Facts {
    pub size: Option<u64>,
    etag: Option<String>,
    modified: Option<String>,
    hashes: Vec<String>,
}

impl Facts {
    /// From the headers of an answer that holds the file, or a part of it.
    pub fn of(answer: &Answer) -> Result<Self> {
        let text = |name: &str| answer.header(name).map(String::from);
        let length = || text("content-length").and_then(|text| text.trim().parse().ok());
        let hashes = answer.headers.get_all("x-goog-hash").into_iter();
        Ok(Self {
            size: if answer.status == 206 { part(answer)?.1 } else { length() },
            etag: text("etag"),
            modified: text("last-modified"),
            hashes: hashes.filter_map(|value| Some(value.to_str().ok()?.to_string())).collect(),
        })
    }

    /// Those of an earlier run; a note that is missing or damaged says nothing.
    pub fn read(file: &Path) -> Self {
        let text = kmax_base::read::read_file(file, LARGEST).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Keeps them for a later run.
    pub fn write(&self, file: &Path) -> Result<()> {
        let text = serde_json::to_vec(self).map_err(|e| Error::io(file, e.into()))?;
        kmax_base::write_atomically(file, &text).map_err(|e| Error::io(file, e))
    }

    pub fn checksum(&self) -> Option<Checksum> {
        let hashes: Vec<_> = self.hashes.iter().map(String::as_str).collect();
        Checksum::announced(&hashes, self.etag.as_deref())
    }

    /// For `If-Range`: a strong ETag, or a date.
    pub fn validator(&self) -> Option<&str> {
        self.etag.as_deref().filter(|etag| etag.starts_with('"')).or(self.modified.as_deref())
    }

    /// Whether a part that comes later can be known to be of the same file. Without a size nothing says where it would end.
    pub fn can_resume(&self) -> bool {
        self.size.is_some() && (self.validator().is_some() || !self.hashes.is_empty())
    }

    /// Whether an answer to a later request is of the same file.
    pub fn same_file(&self, later: &Self) -> bool {
        self.size == later.size && self.etag == later.etag && self.hashes == later.hashes
    }
}

//! Read-only bytes of a file.

use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use kmax_base::read::{MAX_CHECKPOINT, open, read_file};

use crate::error::{Error, Result};

/// A file in memory. It is read and not mapped: whoever shortened a mapped file would end this process by a signal, and whoever changed
/// it would change what was checked.
#[derive(Debug)]
pub(crate) struct Source {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Source {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let bytes = read_file(path, MAX_CHECKPOINT).map_err(|e| Error::io(path, e))?;
        Ok(Self { path: path.to_path_buf(), bytes })
    }

    /// The first bytes of a file, at most `count`.
    pub(crate) fn head(path: &Path, count: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = open(path).and_then(|file| file.take(count).read_to_end(&mut bytes));
        read.map(|_| bytes).map_err(|e| Error::io(path, e))
    }

    /// The file `path` of these bytes.
    pub(crate) fn of(path: &Path, bytes: Vec<u8>) -> Self {
        Self { path: path.to_path_buf(), bytes }
    }

    pub(crate) fn path(&self) -> &PathBuf {
        &self.path
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes of `range`, or `None` where the file ends earlier.
    pub(crate) fn get(&self, range: Range<usize>) -> Option<&[u8]> {
        self.bytes.get(range)
    }
}

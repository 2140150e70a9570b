//! Read-only bytes of a file, mapped into memory.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// A mapped file. Pages are read from disk as they are touched.
#[derive(Debug)]
pub(crate) struct Source {
    path: PathBuf,
    /// `None` for an empty file, which cannot be mapped.
    map: Option<memmap2::Mmap>,
}

impl Source {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|e| Error::io(path, e))?;
        let metadata = file.metadata().map_err(|e| Error::io(path, e))?;
        if !metadata.is_file() {
            return Err(Error::not_a_checkpoint(path, "not a regular file"));
        }
        let map = if metadata.len() == 0 {
            None
        } else {
            // SAFETY: the map is private to this value and only ever read as plain bytes, for which every bit pattern is
            // valid. Writing to or shortening the file meanwhile breaks the mapping's contract; as with every
            // memory-mapped format, that a checkpoint stays untouched while it is read is asked of the user.
            Some(unsafe { memmap2::Mmap::map(&file) }.map_err(|e| Error::io(path, e))?)
        };
        Ok(Self { path: path.to_path_buf(), map })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.map.as_deref().unwrap_or_default()
    }

    /// The bytes of `range`, or `None` where the file ends earlier.
    pub(crate) fn get(&self, range: Range<usize>) -> Option<&[u8]> {
        self.bytes().get(range)
    }
}

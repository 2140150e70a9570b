//! Read-only bytes of a file.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::mapping;

/// A file, mapped: pages are read from disk as they are touched. Or in memory, where it lies in an archive.
#[derive(Debug)]
pub(crate) struct Source {
    path: PathBuf,
    bytes: Bytes,
}

#[derive(Debug)]
enum Bytes {
    Mapped(memmap2::Mmap),
    Owned(Vec<u8>),
}

impl Source {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        // Before it is opened: a pipe that nobody writes to would be waited for.
        let metadata = std::fs::metadata(path).map_err(|e| Error::io(path, e))?;
        if !metadata.is_file() {
            return Err(Error::not_a_checkpoint(path, "not a regular file"));
        }
        let file = File::open(path).map_err(|e| Error::io(path, e))?;
        let metadata = file.metadata().map_err(|e| Error::io(path, e))?;
        let bytes = if metadata.len() == 0 {
            // An empty file cannot be mapped.
            Bytes::Owned(Vec::new())
        } else {
            Bytes::Mapped(mapping::map(&file).map_err(|e| Error::io(path, e))?)
        };
        Ok(Self { path: path.to_path_buf(), bytes })
    }

    /// The file `path` of these bytes.
    pub(crate) fn of(path: &Path, bytes: Vec<u8>) -> Self {
        Self { path: path.to_path_buf(), bytes: Bytes::Owned(bytes) }
    }

    pub(crate) fn path(&self) -> &PathBuf {
        &self.path
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Mapped(map) => map,
            Bytes::Owned(bytes) => bytes,
        }
    }

    /// The bytes of `range`, or `None` where the file ends earlier.
    pub(crate) fn get(&self, range: Range<usize>) -> Option<&[u8]> {
        self.bytes().get(range)
    }
}

//! Read-only bytes of a file, mapped into memory.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::mapping;

/// A mapped file. Pages are read from disk as they are touched.
#[derive(Debug)]
pub(crate) struct Source {
    path: PathBuf,
    /// `None` for an empty file, which cannot be mapped.
    map: Option<memmap2::Mmap>,
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
        let map = if metadata.len() == 0 {
            None
        } else {
            Some(mapping::map(&file).map_err(|e| Error::io(path, e))?)
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

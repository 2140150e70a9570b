//! Reading whole files that somebody else wrote: to a limit, and only files.

use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result};
use std::path::Path;

/// Largest configuration or settings file (JSON, TOML): some thousand times the largest there is.
pub const MAX_SETTINGS: u64 = 1 << 24;

/// Largest list of images (JSON): far above any dataset's.
pub const MAX_LIST: u64 = 1 << 31;

/// Largest file of weights: [`limits::PARAMETERS`](crate::limits::PARAMETERS) in single precision.
pub const MAX_WEIGHTS: u64 = 16 << 30;

/// Largest checkpoint of a training: weights, their average and two moments.
pub const MAX_CHECKPOINT: u64 = 4 * MAX_WEIGHTS;

/// Reads `file`, which may have `limit` bytes at most. Links are followed.
///
/// # Errors
/// If it cannot be read, is no regular file (a pipe or a device may have no end, or wait for ever), or has more bytes; what its
/// metadata say is not believed. `InvalidData` if it is too long, `OutOfMemory` if there is no memory for it.
pub fn read_file(file: &Path, limit: u64) -> Result<Vec<u8>> {
    let no_file = |metadata: std::fs::Metadata| {
        let reason = if metadata.is_dir() { "is a folder" } else { "is no regular file" };
        if metadata.is_file() { Ok(metadata.len()) } else { Err(Error::new(ErrorKind::InvalidInput, reason)) }
    };
    let too_long = || Error::new(ErrorKind::InvalidData, format!("has more than {limit} bytes"));
    // Before it is opened: a pipe that nobody writes to would be waited for. And after: it may be another by then.
    no_file(std::fs::metadata(file)?)?;
    let source = File::open(file)?;
    let length = no_file(source.metadata()?)?;
    if length > limit {
        return Err(too_long());
    }
    let mut data = Vec::new();
    data.try_reserve_exact(usize::try_from(length).map_err(|_| too_long())?)
        .map_err(|error| Error::new(ErrorKind::OutOfMemory, error))?;
    source.take(limit.saturating_add(1)).read_to_end(&mut data)?;
    if data.len() as u64 > limit {
        return Err(too_long());
    }
    Ok(data)
}

/// As [`read_file`], as text.
///
/// # Errors
/// As [`read_file`]; `InvalidData` if it is no UTF-8.
pub fn read_text(file: &Path, limit: u64) -> Result<String> {
    String::from_utf8(read_file(file, limit)?).map_err(|error| Error::new(ErrorKind::InvalidData, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_to_their_limit() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("a");
        std::fs::write(&file, b"abc")?;
        assert_eq!(read_file(&file, 3)?, b"abc");
        assert_eq!(read_text(&file, 3)?, "abc");
        assert_eq!(read_file(&file, 2).map_err(|e| e.kind()), Err(ErrorKind::InvalidData));
        std::fs::write(&file, [0xff])?;
        assert_eq!(read_text(&file, 3).map_err(|e| e.kind()), Err(ErrorKind::InvalidData));
        assert_eq!(read_file(&folder.path().join("b"), 2).map_err(|e| e.kind()), Err(ErrorKind::NotFound));
        assert!(read_file(folder.path(), 2).is_err_and(|e| e.to_string() == "is a folder"));
        Ok(())
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_no_file_is_refused_at_once() {
        for device in ["/dev/zero", "/dev/stdin", "/dev/null"] {
            let read = read_file(Path::new(device), 1 << 40);
            // Standard input may be a file.
            assert!(device == "/dev/stdin" || read.is_err_and(|e| e.to_string() == "is no regular file"));
        }
        // Says that it has no bytes, and has some.
        assert!(read_file(Path::new("/proc/self/status"), 1 << 20).is_ok_and(|data| !data.is_empty()));
        assert!(read_file(Path::new("/proc/self/status"), 5).is_err());
    }
}

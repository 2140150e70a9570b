//! Reading whole files that somebody else wrote: to a limit, and only files.

mod memory;
mod text;

use std::borrow::Cow;
use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result};
use std::path::Path;

pub use memory::check_memory;
pub use text::decode;

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
/// metadata say is not believed. `InvalidData` if it is too long, `OutOfMemory` if there is no memory for it: said before it is read,
/// with its size.
pub fn read_file(file: &Path, limit: u64) -> Result<Vec<u8>> {
    let no_file = |metadata: std::fs::Metadata| {
        let reason = if metadata.is_dir() { "is a folder" } else { "is no regular file" };
        if metadata.is_file() { Ok(metadata.len()) } else { Err(Error::new(ErrorKind::InvalidInput, reason)) }
    };
    let too_long = |length: u64| {
        let message = format!("has {}, more than the {} that are read", size(length), size(limit));
        Error::new(ErrorKind::InvalidData, message)
    };
    // Before it is opened: a pipe that nobody writes to would be waited for. And after: it may be another by then.
    no_file(std::fs::metadata(file)?)?;
    let source = File::open(file)?;
    let length = no_file(source.metadata()?)?;
    if length > limit {
        return Err(too_long(length));
    }
    check_memory(length)?;
    let mut data = Vec::new();
    data.try_reserve_exact(usize::try_from(length).map_err(|_| too_long(length))?)
        .map_err(|error| Error::new(ErrorKind::OutOfMemory, error))?;
    source.take(limit.saturating_add(1)).read_to_end(&mut data)?;
    if data.len() as u64 > limit {
        return Err(too_long(data.len() as u64));
    }
    Ok(data)
}

/// As [`read_file`], as text: UTF-8 or UTF-16, with a byte order mark or without.
///
/// # Errors
/// As [`read_file`]; `InvalidData` if it is no text of these encodings, naming what it is.
pub fn read_text(file: &Path, limit: u64) -> Result<String> {
    let mut data = read_file(file, limit)?;
    if data.starts_with(text::UTF_8_MARK) {
        data.drain(..text::UTF_8_MARK.len());
    }
    match decode(&data)? {
        // What is text already is not copied.
        Cow::Borrowed(_) => {
            String::from_utf8(data).map_err(|error| Error::new(ErrorKind::InvalidData, error))
        }
        Cow::Owned(text) => Ok(text),
    }
}

/// A number of bytes as people say it.
pub(crate) fn size(bytes: u64) -> String {
    let scaled = |unit: f64| bytes as f64 / unit;
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{:.1} kB", scaled(1e3)),
        1_000_000..1_000_000_000 => format!("{:.1} MB", scaled(1e6)),
        _ => format!("{:.1} GB", scaled(1e9)),
    }
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
        let message = |read: Result<Vec<u8>>| read.map_err(|e| e.to_string());
        assert_eq!(
            message(read_file(&file, 2)),
            Err("has 3 bytes, more than the 2 bytes that are read".into())
        );
        std::fs::write(&file, [0xff])?;
        assert_eq!(read_text(&file, 3).map_err(|e| e.kind()), Err(ErrorKind::InvalidData));
        assert_eq!(read_file(&folder.path().join("b"), 2).map_err(|e| e.kind()), Err(ErrorKind::NotFound));
        assert!(read_file(folder.path(), 2).is_err_and(|e| e.to_string() == "is a folder"));
        Ok(())
    }

    #[test]
    fn text_is_read_without_its_mark() -> Result<()> {
        let file = tempfile::NamedTempFile::new()?;
        for bytes in [&b"\xef\xbb\xbf{}"[..], b"{}", b"\xff\xfe{\0}\0", b"\0{\0}"] {
            std::fs::write(file.path(), bytes)?;
            assert_eq!(read_text(file.path(), 10)?, "{}");
        }
        Ok(())
    }

    #[test]
    fn sizes_are_said_in_a_fitting_unit() {
        let said = [999, 1_234, 5_600_000, 3_000_000_000].map(size);
        assert_eq!(said, ["999 bytes", "1.2 kB", "5.6 MB", "3.0 GB"]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_beyond_the_memory_is_refused_before_it_is_read() -> Result<()> {
        let file = tempfile::NamedTempFile::new()?;
        // A hole: it has a size, and takes no space.
        file.as_file().set_len(1 << 42)?;
        let error = read_file(file.path(), 1 << 43).expect_err("4 TB");
        assert_eq!(error.kind(), ErrorKind::OutOfMemory);
        assert!(error.to_string().starts_with("needs 4398.0 GB of memory, and "), "{error}");
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

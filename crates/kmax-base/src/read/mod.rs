//! Reading whole files that somebody else wrote: to a limit, and only files.

mod memory;
mod text;

use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Read, Result};
use std::path::Path;

pub use memory::check_memory;
pub use text::decode;

/// Largest configuration of a model (JSON): some thousand times the largest there is.
pub const MAX_SETTINGS: u64 = 1 << 24;

/// Largest configuration of a training (TOML): a hundred times the longest with all its comments.
pub const MAX_TRAINING: u64 = 1 << 18;

/// Largest header of a safetensors file, which has the names of its tensors: some sixty thousand of them.
pub const MAX_HEADER: u64 = 1 << 22;

/// Whether the header that a safetensors file says it has is one that is read; the message of the error says how long it is.
///
/// # Errors
/// `InvalidData` if it is longer than [`MAX_HEADER`]. A file without one is for its reader to refuse.
pub fn check_header(safetensors: &[u8]) -> Result<()> {
    match safetensors.first_chunk().map(|length| u64::from_le_bytes(*length)) {
        Some(length) if length > MAX_HEADER && length <= safetensors.len() as u64 => {
            let message =
                format!("a header of {}, more than the {} that are read", size(length), size(MAX_HEADER));
            Err(Error::new(ErrorKind::InvalidData, message))
        }
        _ => Ok(()),
    }
}

/// Largest list of images (JSON): far above any dataset's.
pub const MAX_LIST: u64 = 1 << 31;

/// Largest file of weights: [`limits::PARAMETERS`](crate::limits::PARAMETERS) in single precision.
pub const MAX_WEIGHTS: u64 = 16 << 30;

/// Largest checkpoint of a training: weights, their average and two moments.
pub const MAX_CHECKPOINT: u64 = 4 * MAX_WEIGHTS;

/// Opens a file that somebody else wrote: every one goes through here. Links are followed.
///
/// # Errors
/// If there is none, or it is no regular file: a folder, or a pipe or a device, which may have no end or wait for ever.
/// `InvalidInput` then.
pub fn open(file: &Path) -> Result<File> {
    let check = |metadata: std::fs::Metadata| {
        let reason = if metadata.is_dir() { "is a folder" } else { "is no regular file" };
        if metadata.is_file() { Ok(()) } else { Err(Error::new(ErrorKind::InvalidInput, reason)) }
    };
    // Before it is opened: to open a device may do something. And after: it may be another by then.
    check(std::fs::metadata(file)?)?;
    let source = without_waiting().read(true).open(file)?;
    check(source.metadata()?)?;
    Ok(source)
}

/// Opens a file of ours that grows at its end, and makes it if it is not there.
///
/// # Errors
/// As [`open`], and if it cannot be written.
pub fn open_to_append(file: &Path) -> Result<File> {
    match std::fs::metadata(file) {
        Ok(metadata) if !metadata.is_file() => Err(Error::new(ErrorKind::InvalidInput, "is no regular file")),
        _ => without_waiting().read(true).append(true).create(true).open(file),
    }
}

/// A pipe that took a file's place in between is not waited for. It makes no difference to files.
#[cfg(unix)]
fn without_waiting() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    options
}

#[cfg(not(unix))]
fn without_waiting() -> OpenOptions {
    OpenOptions::new()
}

/// Reads `file`, which may have `limit` bytes at most. Links are followed.
///
/// # Errors
/// As [`open`]; if it cannot be read, or has more bytes; what its metadata say is not believed. `InvalidData` if it is too long,
/// `OutOfMemory` if there is no memory for it: said before it is read, with its size.
pub fn read_file(file: &Path, limit: u64) -> Result<Vec<u8>> {
    let too_long = |length: u64| {
        let message = format!("has {}, more than the {} that are read", size(length), size(limit));
        Error::new(ErrorKind::InvalidData, message)
    };
    let source = open(file)?;
    let length = source.metadata()?.len();
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
    fn long_headers_are_refused() {
        let with = |length: u64, rest: usize| [&length.to_le_bytes()[..], &vec![b' '; rest]].concat();
        assert!(check_header(&with(MAX_HEADER, 1 << 22)).is_ok() && check_header(b"{}").is_ok());
        let message = check_header(&with(MAX_HEADER + 1, 1 << 23)).map_err(|error| error.to_string());
        assert_eq!(message, Err("a header of 4.2 MB, more than the 4.2 MB that are read".into()));
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
        assert!(open(Path::new("/dev/zero")).is_err() && open_to_append(Path::new("/dev/null")).is_err());
        // Says that it has no bytes, and has some.
        assert!(read_file(Path::new("/proc/self/status"), 1 << 20).is_ok_and(|data| !data.is_empty()));
        assert!(read_file(Path::new("/proc/self/status"), 5).is_err());
    }
}

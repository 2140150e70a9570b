//! Archives (`.tar`, `.tar.gz`) of checkpoints, unpacked into a temporary folder.

use std::io::{Read, Write};
use std::path::{Component, Path};

use flate2::read::MultiGzDecoder;
use tar::{Archive, EntryType};
use tempfile::TempDir;

use crate::error::{Error, Result};
use crate::source::Source;

/// Most bytes unpacked from each byte of the archive. Weights hardly compress; optimizer slots full of zeros do.
const LARGEST_RATIO: u64 = 64;
/// Bytes that any archive may unpack to, however small it is.
const ALWAYS_ALLOWED: u64 = 64 << 20;
/// Most files understood.
const MOST_FILES: usize = 10_000;

/// Whether a file is compressed by gzip.
pub(crate) fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b, 8])
}

/// Whether a file starts with the header of a tar archive.
pub(crate) fn is_tar(bytes: &[u8]) -> bool {
    bytes.get(257..262) == Some(b"ustar")
}

/// Unpacks the regular files of an archive, all side by side. The folder goes away with the value.
pub(crate) fn unpack(source: &Source) -> Result<TempDir> {
    let path = source.path();
    let folder = TempDir::with_prefix("kmax-checkpoint-").map_err(|e| Error::io(&std::env::temp_dir(), e))?;
    let limit = (source.bytes().len() as u64).saturating_mul(LARGEST_RATIO).max(ALWAYS_ALLOWED);
    let bytes: &[u8] = source.bytes();
    // The archive's own headers and padding count too; past the limit it seems cut off.
    if is_gzip(bytes) {
        unpack_files(path, MultiGzDecoder::new(bytes).take(limit), folder.path(), limit)?;
    } else {
        unpack_files(path, bytes, folder.path(), limit)?;
    }
    Ok(folder)
}

fn unpack_files(path: &Path, reader: impl Read, folder: &Path, limit: u64) -> Result<()> {
    let mut archive = Archive::new(reader);
    let damaged = |place: String, reason: String| Error::damaged(path, place, reason);
    let entries = archive.entries().map_err(|e| damaged("archive".to_string(), e.to_string()))?;
    let mut left = limit;
    for (index, entry) in entries.enumerate() {
        let mut entry = entry.map_err(|e| damaged(format!("archive entry {index}"), e.to_string()))?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let fail = |reason: String| damaged(format!("archive entry `{}`", name.escape_default()), reason);
        if index >= MOST_FILES {
            return Err(fail(format!("is one of more than {MOST_FILES}")));
        }
        match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {}
            EntryType::Symlink | EntryType::Link => {
                return Err(fail("is a link; links are not followed".to_string()));
            }
            _ => continue,
        }
        let file = file_name(Path::new(&name)).map_err(fail)?;
        // macOS adds such files beside the real ones.
        if file.starts_with("._") {
            continue;
        }
        let size = entry.size();
        left = left.checked_sub(size).ok_or_else(|| {
            fail(format!("has {size} bytes, which makes the archive unpack to more than {limit}"))
        })?;
        let target = folder.join(file);
        let output = std::fs::File::create_new(&target);
        let mut output = match output {
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
                return Err(fail(format!("a second file of the name `{file}`")));
            }
            Err(e) if e.kind() == std::io::ErrorKind::InvalidFilename => {
                return Err(fail("has too long a name".to_string()));
            }
            other => other.map_err(|e| Error::io(&target, e))?,
        };
        copy(&mut entry, &mut output, size).map_err(|e| fail(e.to_string()))?;
    }
    Ok(())
}

fn copy(entry: &mut impl Read, output: &mut impl Write, size: u64) -> std::io::Result<()> {
    let copied = std::io::copy(&mut entry.take(size), output)?;
    if copied != size {
        return Err(std::io::Error::other(format!("is cut off after {copied} of {size} bytes")));
    }
    Ok(())
}

/// The last part of a path that stays inside its folder.
fn file_name(path: &Path) -> std::result::Result<&str, String> {
    for part in path.components() {
        match part {
            Component::Normal(_) | Component::CurDir => {}
            _ => return Err("leads outside the archive's folder".to_string()),
        }
    }
    let name =
        path.file_name().and_then(|name| name.to_str()).ok_or_else(|| "has no file name".to_string())?;
    if name.contains(char::is_control) {
        return Err("has control characters in its name".to_string());
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_are_no_file_of_the_folder_are_refused() {
        assert_eq!(file_name(Path::new("./model/ckpt-1.index")), Ok("ckpt-1.index"));
        for path in ["../ckpt.index", "/etc/ckpt.index", "a/../../b", "..", "", "a/ckpt\0.index"] {
            assert!(file_name(Path::new(path)).is_err(), "{path}");
        }
    }

    #[test]
    fn names_that_no_file_can_have_are_told_by_the_archive() -> Result<()> {
        let folder = TempDir::new().map_err(|e| Error::io(Path::new("."), e))?;
        for (name, expected) in [("ckpt\0.index".to_string(), "control"), ("n".repeat(300), "too long")] {
            let header = |kind: EntryType, path: &str, size: usize| {
                let mut header = tar::Header::new_ustar();
                header.set_entry_type(kind);
                header.set_path(path).expect("a short path");
                header.set_size(size as u64);
                header.set_cksum();
                header
            };
            // The name stands in a record of its own: its length, `path=`, the name.
            let record = format!(" path={name}\n");
            let record = format!("{}{record}", record.len() + if record.len() > 96 { 3 } else { 2 });
            let mut builder = tar::Builder::new(Vec::new());
            let append = |builder: &mut tar::Builder<_>, header: tar::Header, data: &[u8]| {
                builder.append(&header, data).expect("in memory");
            };
            append(&mut builder, header(EntryType::XHeader, "x", record.len()), record.as_bytes());
            append(&mut builder, header(EntryType::Regular, "y", 1), b"1");
            let bytes = builder.into_inner().expect("in memory");
            let error = unpack_files(Path::new("some.tar"), &bytes[..], folder.path(), 1 << 20);
            let message = error.expect_err("no such name").to_string();
            assert!(message.contains("some.tar") && message.contains(expected), "{message}");
        }
        Ok(())
    }
}

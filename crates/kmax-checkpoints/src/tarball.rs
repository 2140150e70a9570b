//! Archives (`.tar`, `.tar.gz`): their files, from front to back.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Component, Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use kmax_base::beside::Beside;
use tar::{Archive, EntryType};

use crate::error::{Error, Result};

/// Most bytes unpacked from each byte of the archive. Weights hardly compress; optimizer slots full of zeros do.
const LARGEST_RATIO: u64 = 64;
/// Bytes that any archive may unpack to, however small it is.
const ALWAYS_ALLOWED: u64 = 64 << 20;
/// Most files understood.
const MOST_FILES: usize = 10_000;
/// Longest name of a file, as file systems have it.
const LONGEST_NAME: usize = 255;
/// Bytes of the archive read at a time.
const BUFFER: usize = 1 << 18;

/// An archive, which is read from front to back as often as needed.
#[derive(Debug, Clone)]
pub(crate) struct Tarball {
    path: PathBuf,
}

/// Where a walk through an archive goes from a file.
pub(crate) enum Then {
    On,
    Stop,
}

/// A regular file of an archive that a walk has reached.
pub(crate) struct Member<'a> {
    /// Its name without folders. No other file of the archive has it.
    pub name: &'a str,
    pub size: u64,
    reader: &'a mut dyn Read,
    at: u64,
}

impl Member<'_> {
    /// Writes the next `count` bytes to `output`.
    fn copy(&mut self, count: u64, output: &mut dyn Write) -> std::io::Result<()> {
        let copied = std::io::copy(&mut (&mut *self.reader).take(count), output)?;
        self.at += copied;
        if copied == count {
            return Ok(());
        }
        let Self { at, size, .. } = self;
        Err(std::io::Error::other(format!("is cut off after {at} of {size} bytes")))
    }

    /// The `count` bytes from byte `start`, before which nothing is left to be read.
    pub(crate) fn read(&mut self, start: u64, count: usize) -> std::io::Result<Vec<u8>> {
        self.skip_to(start)?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(count).map_err(std::io::Error::other)?;
        self.copy(count as u64, &mut bytes)?;
        Ok(bytes)
    }

    fn skip_to(&mut self, position: u64) -> std::io::Result<()> {
        self.copy(position.saturating_sub(self.at), &mut std::io::sink())
    }
}

impl Tarball {
    /// The archive that a file is, by its first bytes.
    pub(crate) fn of(path: &Path, bytes: &[u8]) -> Option<Self> {
        let is_tar = bytes.get(257..262) == Some(b"ustar");
        (is_tar || is_gzip(bytes)).then(|| Self { path: path.to_path_buf() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Calls `visit` at every regular file. What that leaves of a file is passed over, and must be there.
    pub(crate) fn walk<E: From<Error>>(
        &self,
        visit: impl FnMut(&mut Member<'_>) -> std::result::Result<Then, E>,
    ) -> std::result::Result<(), E> {
        let io = |e| Error::io(&self.path, e);
        let file = kmax_base::read::open(&self.path).map_err(io)?;
        let size = file.metadata().map_err(io)?.len();
        let limit = size.saturating_mul(LARGEST_RATIO).max(ALWAYS_ALLOWED);
        let mut file = BufReader::with_capacity(BUFFER, file);
        // The archive's own headers and padding count too; past the limit it seems cut off.
        if is_gzip(file.fill_buf().map_err(io)?) {
            walk(&self.path, MultiGzDecoder::new(file).take(limit), limit, visit)
        } else {
            walk(&self.path, file, limit, visit)
        }
    }

    /// Unpacks the regular files, all side by side. The folder goes away with the value.
    pub(crate) fn unpack(&self) -> Result<Beside> {
        let folder =
            Beside::folder_in(&std::env::temp_dir()).map_err(|e| Error::io(&std::env::temp_dir(), e))?;
        self.walk(|member| {
            let target = folder.path().join(member.name);
            let mut output = File::create_new(&target).map_err(|e| Error::io(&target, e))?;
            member.copy(member.size, &mut output).map_err(|e| self.fail(member.name, e.to_string()))?;
            Ok::<_, Error>(Then::On)
        })?;
        Ok(folder)
    }

    /// An error at a file of the archive.
    pub(crate) fn fail(&self, name: &str, reason: String) -> Error {
        damaged(&self.path, name, reason)
    }
}

fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b, 8])
}

fn damaged(path: &Path, name: &str, reason: String) -> Error {
    Error::damaged(path, format!("archive entry `{}`", name.escape_default()), reason)
}

fn walk<E: From<Error>>(
    path: &Path,
    reader: impl Read,
    limit: u64,
    mut visit: impl FnMut(&mut Member<'_>) -> std::result::Result<Then, E>,
) -> std::result::Result<(), E> {
    let mut archive = Archive::new(reader);
    let entries = archive.entries().map_err(|e| Error::damaged(path, "archive", e.to_string()))?;
    let (mut left, mut names) = (limit, BTreeSet::new());
    for (index, entry) in entries.enumerate() {
        let place = || format!("archive entry {index}");
        let mut entry = entry.map_err(|e| Error::damaged(path, place(), e.to_string()))?;
        let whole_name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let fail = |reason: String| damaged(path, &whole_name, reason);
        if index >= MOST_FILES {
            return Err(fail(format!("is one of more than {MOST_FILES}")).into());
        }
        match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {}
            EntryType::Symlink | EntryType::Link => {
                return Err(fail("is a link; links are not followed".to_string()).into());
            }
            _ => continue,
        }
        let name = file_name(Path::new(&whole_name)).map_err(fail)?;
        // macOS adds such files beside the real ones.
        if name.starts_with("._") {
            continue;
        }
        let size = entry.size();
        left = left.checked_sub(size).ok_or_else(|| {
            fail(format!("has {size} bytes, which makes the archive unpack to more than {limit}"))
        })?;
        if !names.insert(name.to_string()) {
            return Err(fail(format!("a second file of the name `{name}`")).into());
        }
        let mut member = Member { name, size, reader: &mut entry, at: 0 };
        if let Then::Stop = visit(&mut member)? {
            return Ok(());
        }
        member.skip_to(size).map_err(|e| fail(e.to_string()))?;
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
    if name.len() > LONGEST_NAME {
        return Err("has too long a name".to_string());
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
    fn names_that_no_file_can_have_are_told_by_the_archive() {
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
            let walked = walk(Path::new("some.tar"), &bytes[..], 1 << 20, |_| Ok::<_, Error>(Then::On));
            let message = walked.expect_err("no such name").to_string();
            assert!(message.contains("some.tar") && message.contains(expected), "{message}");
        }
    }
}

//! Reading and writing whole files; what is written appears whole or not at all.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use crate::{Error, Result};

/// The largest file that is read into memory: 2 GiB, far above any photo or map.
const MAX_BYTES: u64 = 1 << 31;

/// How many folders deep [`below`] looks.
const MAX_DEPTH: usize = 6;

pub(crate) fn read(file: &Path) -> Result<Vec<u8>> {
    let length = fs::metadata(file).map_err(Error::io(file))?.len();
    if length > MAX_BYTES {
        return Err(Error::file(file, format!("{length} bytes are more than the {MAX_BYTES} that are read")));
    }
    fs::read(file).map_err(Error::io(file))
}

/// A name beside `target` that nobody else uses.
pub(crate) fn beside(target: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!(".{name}.{}-{number}.part", std::process::id()))
}

/// Writes a file beside its place and renames it, so that it is there whole or not at all.
///
/// # Errors
/// If it cannot be written; what was there stays.
pub fn write(file: &Path, bytes: &[u8]) -> Result<()> {
    write_with(file, |out| out.write_all(bytes))
}

/// Writes compact JSON beside the target and renames.
pub(crate) fn write_json(file: &Path, value: &impl Serialize) -> Result<()> {
    write_with(file, |out| serde_json::to_writer(out, value).map_err(std::io::Error::from))
}

fn write_with(file: &Path, fill: impl FnOnce(&mut BufWriter<fs::File>) -> std::io::Result<()>) -> Result<()> {
    let part = beside(file);
    let written = fs::File::create(&part).and_then(|out| {
        let mut out = BufWriter::new(out);
        fill(&mut out)?;
        out.into_inner().map_err(|error| error.into_error())?.sync_data()?;
        fs::rename(&part, file)
    });
    if written.is_err() {
        // The part may not even exist; what matters is the first error.
        let _ = fs::remove_file(&part);
    }
    written.map_err(Error::io(file))
}

/// The files below a folder whose names end so, as paths relative to it with `/`, by name. Links are followed;
/// folders deeper than any dataset's are not.
pub(crate) fn below(folder: &Path, ending: &str) -> Result<Vec<String>> {
    fn walk(folder: &Path, prefix: &str, ending: &str, depth: usize, found: &mut Vec<String>) -> Result<()> {
        for entry in fs::read_dir(folder).map_err(Error::io(folder))? {
            let path = entry.map_err(Error::io(folder))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                if depth > 0 {
                    walk(&path, &format!("{prefix}{name}/"), ending, depth - 1, found)?;
                }
            } else if name.ends_with(ending) {
                found.push(format!("{prefix}{name}"));
            }
        }
        Ok(())
    }
    let mut found = Vec::new();
    walk(folder, "", ending, MAX_DEPTH, &mut found)?;
    found.sort_unstable();
    Ok(found)
}

pub(crate) fn create_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(Error::io(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_by_their_ending_in_folders_too() -> Result<()> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        create_folder(&folder.path().join("b/c"))?;
        for name in ["z.png", "b/c/y.png", "b/x.txt", "b/a.png"] {
            write(&folder.path().join(name), b"")?;
        }
        assert_eq!(below(folder.path(), ".png")?, ["b/a.png", "b/c/y.png", "z.png"]);
        assert!(below(&folder.path().join("none"), ".png").is_err());
        Ok(())
    }

    #[test]
    fn a_failed_write_leaves_nothing_behind() -> Result<()> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("a.json");
        write(&file, b"old")?;
        let failed = write_with(&file, |_| Err(std::io::Error::other("full")));
        assert!(failed.is_err_and(|error| error.to_string().contains("a.json: full")));
        assert_eq!(read(&file)?, b"old");
        write_json(&file, &[1, 2])?;
        assert_eq!(read(&file)?, b"[1,2]");
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1);
        Ok(())
    }
}

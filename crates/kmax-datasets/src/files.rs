//! Reading and writing whole files; what is written appears whole or not at all.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use crate::{Error, Result};

/// The largest file that is read into memory: 2 GiB, far above any photo or map.
const MAX_BYTES: u64 = 1 << 31;

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

/// Writes beside the target and renames.
pub(crate) fn write(file: &Path, bytes: &[u8]) -> Result<()> {
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

pub(crate) fn create_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(Error::io(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

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

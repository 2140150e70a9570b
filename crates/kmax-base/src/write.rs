//! Writing files so that a reader never sees half of one.
//!
//! Each is written beside its place and renamed: after a failure what was there is as it was, and nothing stays beside it.

use std::fs::File;
use std::io::{BufWriter, Error, ErrorKind, Result, Write};
use std::path::Path;

/// Begins the name of everything that is not yet in its place. It is hidden, and of one length whatever the file's name.
pub const PREFIX: &str = ".kmax-";

/// Writes `data` beside `file`, then renames it into place.
///
/// # Errors
/// If the folder cannot be written; `file` is then as it was, and nothing is left beside it.
pub fn write_atomically(file: &Path, data: &[u8]) -> Result<()> {
    write_atomically_with(file, |out| out.write_all(data))
}

/// As [`write_atomically`], for contents that `fill` writes as they come.
///
/// # Errors
/// Those of `fill`, and if the folder cannot be written.
pub fn write_atomically_with(
    file: &Path,
    fill: impl FnOnce(&mut BufWriter<&File>) -> Result<()>,
) -> Result<()> {
    if file.file_name().is_none() {
        return Err(Error::new(ErrorKind::InvalidInput, "the path names no file"));
    }
    let beside = tempfile::Builder::new().prefix(PREFIX).tempfile_in(folder_of(file))?;
    let mut out = BufWriter::new(beside.as_file());
    fill(&mut out)?;
    out.into_inner().map_err(|error| error.into_error())?.sync_data()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // A temporary file is private to its owner; a result is as readable as any other new file.
        beside.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    beside.persist(file).map_err(|error| error.error)?;
    Ok(())
}

/// A folder beside `path`, on the same file system, which is removed with all that is in it unless it is renamed.
///
/// # Errors
/// If the parent folder does not exist or cannot be written.
pub fn folder_beside(path: &Path) -> Result<tempfile::TempDir> {
    tempfile::Builder::new().prefix(PREFIX).tempdir_in(folder_of(path))
}

/// The folder that a path's last part lies in.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."))
}

/// Removes files and folders in `folder` whose names begin with `prefix`: what a killed process was about to put into its place. One
/// that cannot be removed does no harm.
pub fn remove_leftovers(folder: &Path, prefix: &str) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            let path = entry.path();
            let _ = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_stays_beside_it() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("a.bin");
        write_atomically(&file, b"one")?;
        write_atomically(&file, b"two")?;
        let failed = write_atomically_with(&file, |out| {
            out.write_all(b"thr")?;
            Err(Error::other("full"))
        });
        assert!(failed.is_err_and(|error| error.to_string() == "full"));
        assert_eq!(std::fs::read(&file)?, b"two");
        assert_eq!(std::fs::read_dir(folder.path())?.count(), 1);
        assert!(write_atomically(&folder.path().join("absent/b.bin"), b"x").is_err());
        assert!(write_atomically(Path::new("/"), b"x").is_err());
        Ok(())
    }
}

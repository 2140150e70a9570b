//! Writing files so that a reader never sees half of one.

use std::io::{Error, ErrorKind, Result, Write};
use std::path::Path;

/// Writes `data` beside `file`, then renames it into place.
///
/// # Errors
/// If the folder cannot be written; `file` is then as it was, and nothing is left beside it.
pub fn write_atomically(file: &Path, data: &[u8]) -> Result<()> {
    let folder = match file.parent() {
        Some(parent) if parent != Path::new("") => parent,
        Some(_) => Path::new("."),
        None => return Err(Error::new(ErrorKind::InvalidInput, "the path names no file")),
    };
    let mut beside = tempfile::NamedTempFile::new_in(folder)?;
    beside.write_all(data)?;
    beside.as_file().sync_data()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // A temporary file is private to its owner; a result is as readable as any other new file.
        beside.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    beside.persist(file).map_err(|e| e.error)?;
    Ok(())
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
        assert_eq!(std::fs::read(&file)?, b"two");
        assert_eq!(std::fs::read_dir(folder.path())?.count(), 1);
        assert!(write_atomically(&folder.path().join("absent/b.bin"), b"x").is_err());
        Ok(())
    }
}

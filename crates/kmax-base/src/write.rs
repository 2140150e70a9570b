//! Writing files so that a reader never sees half of one.
//!
//! Each is written [beside](crate::beside) its place and renamed: after a failure what was there is as it was, and nothing stays beside it.

use std::fs::File;
use std::io::{BufWriter, Error, ErrorKind, Result, Write};
use std::path::{Path, PathBuf};

use crate::beside::Beside;
pub use crate::beside::folder_of;

/// Where a file goes that is to be written: to a new name in a folder that is there, or into the place of a file, which a link may
/// lead to. Ask before the work that makes the contents.
///
/// # Errors
/// `InvalidInput` if the path names no file; if there is a folder, a device or a pipe, which a rename would take away; if it is a link to
/// nothing. `NotFound` if there is no such folder.
pub fn place(file: &Path) -> Result<PathBuf> {
    let refuse = |reason: &str| Err(Error::new(ErrorKind::InvalidInput, reason));
    if file.file_name().is_none() {
        return refuse("the path names no file");
    }
    let is_link = file.symlink_metadata().is_ok_and(|found| found.is_symlink());
    match file.metadata() {
        Ok(found) if found.is_dir() => refuse("is a folder"),
        Ok(found) if !found.is_file() => refuse("is a device or a pipe: expected the name of a file"),
        Ok(_) if is_link => file.canonicalize(),
        Err(_) if is_link => refuse("is a link to nothing"),
        _ => match folder_of(file) {
            folder if folder.is_dir() => Ok(file.to_path_buf()),
            folder => {
                Err(Error::new(ErrorKind::NotFound, format!("there is no folder {}", folder.display())))
            }
        },
    }
}

/// Writes `data` beside `file`, then renames it into place.
///
/// # Errors
/// Those of [`place`], and if the folder cannot be written; `file` is then as it was, and nothing is left beside it.
pub fn write_atomically(file: &Path, data: &[u8]) -> Result<()> {
    write_atomically_with(file, |out| out.write_all(data))
}

/// As [`write_atomically`], for contents that `fill` writes as they come.
///
/// # Errors
/// Those of `fill` and of [`place`], and if the folder cannot be written.
pub fn write_atomically_with(
    file: &Path,
    fill: impl FnOnce(&mut BufWriter<&File>) -> Result<()>,
) -> Result<()> {
    let file = place(file)?;
    let (beside, _own) = Beside::file(folder_of(&file))?;
    let mut out = BufWriter::new(beside.as_file());
    fill(&mut out)?;
    out.into_inner().map_err(|error| error.into_error())?.sync_data()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // A temporary file is private to its owner; a result is as readable as any other new file.
        beside.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    beside.persist(&file).map_err(|error| error.error)?;
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

    #[cfg(unix)]
    #[test]
    fn links_are_written_through_and_what_is_no_file_is_refused() -> Result<()> {
        use std::os::unix::fs::{FileTypeExt, symlink};
        let folder = tempfile::tempdir()?;
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("elsewhere"))?;
        std::fs::write(at("elsewhere/a"), b"one")?;
        symlink("elsewhere/a", at("link"))?;
        write_atomically(&at("link"), b"two")?;
        assert!(at("link").symlink_metadata()?.is_symlink());
        assert_eq!(std::fs::read(at("elsewhere/a"))?, b"two");

        symlink("nothing", at("dangling"))?;
        symlink("/dev/null", at("null"))?;
        let pipe = std::process::Command::new("mkfifo").arg(at("pipe")).status()?;
        assert!(pipe.success());
        for (name, reason) in
            [("elsewhere", "folder"), ("dangling", "link"), ("null", "device"), ("pipe", "pipe")]
        {
            let error = write_atomically(&at(name), b"x").expect_err(name);
            assert!(error.kind() == ErrorKind::InvalidInput && error.to_string().contains(reason), "{error}");
        }
        assert!(at("pipe").symlink_metadata()?.file_type().is_fifo());
        Ok(())
    }
}

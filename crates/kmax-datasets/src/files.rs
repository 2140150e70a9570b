//! Reading and writing whole files; what is written appears whole or not at all.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use kmax_base::read::{MAX_LIST, check_memory, read_file};
use serde::Serialize;

use crate::error::{Error, Result};

/// The largest file that is read into memory: 2 GiB, far above any image or map.
const MAX_BYTES: u64 = 1 << 31;

/// How many folders deep [`below`] looks.
const MAX_DEPTH: usize = 6;

pub(crate) fn read(file: &Path) -> Result<Vec<u8>> {
    read_file(file, MAX_BYTES).map_err(Error::read(file))
}

/// Times the length of a json that reading it takes: the bytes and what is made of them.
const LIST_IN_MEMORY: u64 = 3;

/// A json or a text list. One that there is no memory for is refused before it is read.
pub(crate) fn read_list(file: &Path) -> Result<Vec<u8>> {
    let length = fs::metadata(file).map_err(Error::read(file))?.len();
    if length <= MAX_LIST {
        check_memory(LIST_IN_MEMORY * length).map_err(Error::read(file))?;
    }
    read_file(file, MAX_LIST).map_err(Error::read(file))
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

pub(crate) fn write_with(
    file: &Path,
    fill: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> Result<()> {
    kmax_base::write_atomically_with(file, |out| fill(out)).map_err(Error::write(file))
}

/// The files below a folder whose names end so, as paths relative to it with `/`, by name. Links are followed;
/// folders deeper than any dataset's are not.
pub(crate) fn below(folder: &Path, ending: &str) -> Result<Vec<String>> {
    fn walk(
        folder: &Path,
        prefix: &str,
        ending: &str,
        above: &mut Vec<PathBuf>,
        found: &mut Vec<String>,
    ) -> Result<()> {
        let real = folder.canonicalize().map_err(Error::read(folder))?;
        // A link back to a folder above it has nothing new.
        if above.len() > MAX_DEPTH || above.contains(&real) {
            return Ok(());
        }
        above.push(real);
        for entry in fs::read_dir(folder).map_err(Error::read(folder))? {
            let path = entry.map_err(Error::read(folder))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                walk(&path, &format!("{prefix}{name}/"), ending, above, found)?;
            } else if name.ends_with(ending) {
                found.push(format!("{prefix}{name}"));
            }
        }
        above.pop();
        Ok(())
    }
    let mut found = Vec::new();
    walk(folder, "", ending, &mut Vec::new(), &mut found)?;
    found.sort_unstable();
    Ok(found)
}

pub(crate) fn create_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(Error::write(folder))
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
        #[cfg(unix)]
        std::os::unix::fs::symlink(".", folder.path().join("b/self")).expect("linked");
        assert_eq!(below(folder.path(), ".png")?.len(), 3);
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

//! Checksums of the files that a checkpoint is made of.

use crate::{Error, Result};
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Name and SHA-256 of every file of the checkpoint at `path`, sorted: the file itself, those in a folder, or those of a
/// TensorFlow bundle, which share a prefix.
pub(super) fn checksums(path: &Path) -> Result<Vec<(String, String)>> {
    files(path)?.par_iter().map(|file| Ok((file_name(file), sha256(file)?))).collect()
}

fn file_name(file: &Path) -> String {
    file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned()
}

fn fail(file: &Path, reason: impl std::fmt::Display) -> Error {
    Error::File { file: file.into(), reason: reason.to_string() }
}

fn files(path: &Path) -> Result<Vec<PathBuf>> {
    let is_bundle = path.extension().is_some_and(|e| e == "index");
    if path.is_file() && !is_bundle {
        return Ok(vec![path.into()]);
    }
    let (folder, prefix) = match (path.is_dir(), path.parent()) {
        (false, Some(parent)) => {
            let name = file_name(path);
            let prefix = name.strip_suffix("index").map_or_else(|| format!("{name}."), str::to_string);
            (if parent == Path::new("") { Path::new(".") } else { parent }, prefix)
        }
        _ => (path, String::new()),
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(|e| fail(folder, e))? {
        let file = entry.map_err(|e| fail(folder, e))?.path();
        let rest = file_name(&file).strip_prefix(&prefix).map(str::to_string);
        let belongs =
            rest.is_some_and(|rest| prefix.is_empty() || rest == "index" || rest.starts_with("data-"));
        if belongs && file.is_file() {
            found.push(file);
        }
    }
    found.sort();
    Ok(found)
}

fn sha256(path: &Path) -> Result<String> {
    let mut file = File::open(path).map_err(|e| fail(path, e))?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer).map_err(|e| fail(path, e))? {
            0 => return Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
            count => digest.update(&buffer[..count]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_a_checkpoint_are_found() -> Result<()> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in ["ckpt-1.index", "ckpt-1.data-00000-of-00001", "ckpt-10.index", "checkpoint", "a.pth"] {
            fs::write(folder.path().join(name), name).expect("written");
        }
        let names = |path: &str| -> Result<Vec<String>> {
            Ok(checksums(&folder.path().join(path))?.into_iter().map(|(name, _)| name).collect())
        };
        let bundle = ["ckpt-1.data-00000-of-00001", "ckpt-1.index"];
        assert_eq!(names("ckpt-1")?, bundle);
        assert_eq!(names("ckpt-1.index")?, bundle);
        assert_eq!(names("a.pth")?, ["a.pth"]);
        assert_eq!(names("")?.len(), 5);
        let expected = "fb8e20fc2e4c3f248c60c39bd652f3c1347298bb977b8b4d5903b85055620603";
        fs::write(folder.path().join("a.pth"), "ab").expect("written");
        assert_eq!(checksums(&folder.path().join("a.pth"))?, [("a.pth".to_string(), expected.to_string())]);
        Ok(())
    }
}

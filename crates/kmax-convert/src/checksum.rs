//! Checksums of the files that a checkpoint is made of.

use crate::error::Result;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Name and SHA-256 of each file.
pub(super) fn checksums(files: &[PathBuf]) -> Result<Vec<(String, String)>> {
    let name = |file: &Path| file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
    files.par_iter().map(|file| Ok((name(file), sha256(file)?))).collect()
}

fn sha256(path: &Path) -> Result<String> {
    let fail = |source| kmax_checkpoints::Error::Io { file: path.into(), source };
    let mut file = kmax_base::read::open(path).map_err(fail)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer).map_err(fail)? {
            0 => return Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
            count => digest.update(&buffer[..count]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_their_checksums() -> Result<()> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("a.pth");
        std::fs::write(&file, "ab").expect("written");
        let expected = "fb8e20fc2e4c3f248c60c39bd652f3c1347298bb977b8b4d5903b85055620603";
        assert_eq!(checksums(std::slice::from_ref(&file))?, [("a.pth".to_string(), expected.to_string())]);
        let message = checksums(&[file, folder.path().join("b.pth")]).expect_err("no b.pth").to_string();
        assert!(message.contains("b.pth"), "{message}");
        Ok(())
    }
}

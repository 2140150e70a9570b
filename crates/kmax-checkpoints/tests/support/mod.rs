//! What the tests of damaged files share.

#[allow(dead_code, missing_docs)]
pub mod pickle;
#[allow(dead_code, missing_docs)]
pub mod table;

use std::fs;
use std::path::{Path, PathBuf};

use kmax_checkpoints::{Checkpoint, DType, Error};

pub type TestResult = Result<(), Box<dyn std::error::Error>>;

/// Opens a checkpoint and reads all of it.
pub fn read_all(path: &Path) -> Result<usize, Error> {
    let checkpoint = Checkpoint::open(path)?;
    let mut bytes = 0;
    for (name, info) in checkpoint.tensors() {
        bytes += match info.dtype {
            DType::String => checkpoint.read_strings(name)?.iter().map(Vec::len).sum(),
            _ => checkpoint.read(name)?.bytes.len(),
        };
    }
    Ok(bytes)
}

/// Asserts that the file fails with a message that names it and says `reason`.
pub fn refused(path: &Path, reason: &str) {
    let error = read_all(path).expect_err(reason).to_string();
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    assert!(error.contains(name.as_ref()) && error.contains(reason), "{error}\nexpected: {reason}");
}

/// Writes `bytes` as `name` into a folder of its own and asserts that reading it fails with `reason`.
pub fn refused_bytes(name: &str, bytes: &[u8], reason: &str) -> TestResult {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join(name);
    fs::write(&path, bytes)?;
    refused(&path, reason);
    Ok(())
}

pub fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// Sixteen bytes, four floats.
pub const VALUES: [u8; 16] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

//! Evaluation of files against files, as the official scripts take them.
//!
//! Images are read and compared on rayon's threads, one at a time each, so memory holds little more than the lists of
//! the json files. Reports carry a digest of the ground truth: SHA-256 over the names and the SHA-256 of every file of
//! it that was read.

mod cityscapes;
mod doubts;
mod instances;
mod objects;
mod panoptic;
mod semantic;

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::Result;
use crate::files;
use crate::hex::hex;

pub use cityscapes::{CityscapesReport, cityscapes, cityscapes_predictions, cityscapes_with_errors};
pub use instances::instances;
pub use objects::objects;
pub use panoptic::{PanopticFiles, panoptic, panoptic_with_errors};
pub use semantic::semantic;

/// SHA-256 of a file's bytes.
type FileDigest = [u8; 32];

fn digest(bytes: &[u8]) -> FileDigest {
    Sha256::digest(bytes).into()
}

/// A digest over files by name, `sha256:` and 64 hexadecimal digits.
#[derive(Default)]
struct DatasetDigest(Vec<(String, FileDigest)>);

impl DatasetDigest {
    /// Adds a file. Its folder does not count, so that a copied dataset has the same digest.
    fn add(&mut self, name: impl Into<String>, digest: FileDigest) {
        self.0.push((name.into(), digest));
    }

    fn finish(mut self) -> String {
        self.0.sort_unstable();
        let mut all = Sha256::new();
        for (name, digest) in &self.0 {
            all.update((name.len() as u64).to_le_bytes());
            all.update(name.as_bytes());
            all.update(digest);
        }
        format!("sha256:{}", hex(&all.finalize()))
    }
}

/// A digest of whole files by their names, as reports carry it.
///
/// # Errors
/// If one cannot be read.
pub fn digest_of(files: &[&Path]) -> Result<String> {
    let mut all = DatasetDigest::default();
    for file in files {
        all.add(file_name(file), read(file)?.1);
    }
    Ok(all.finish())
}

/// The bytes of a file and their digest.
fn read(file: &Path) -> Result<(Vec<u8>, FileDigest)> {
    let bytes = files::read(file)?;
    let digest = digest(&bytes);
    Ok((bytes, digest))
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests;

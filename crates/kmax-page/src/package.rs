//! The package that has the engine: one version, known by its digest.

use crate::error::{Error, Result};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha512};
use std::path::Path;

/// The npm package that has the engine.
pub const PACKAGE: &str = "onnxruntime-web";

/// The version that is fetched, and that the tests ran with.
pub const VERSION: &str = "1.30.0";

/// What npm calls its integrity: the SHA-512 of the archive, in base64.
const INTEGRITY: &str =
    "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ==";

/// Where the archive is at an npm registry, `https://…`.
pub fn address(registry: &str) -> String {
    format!("{}/{PACKAGE}/-/{PACKAGE}-{VERSION}.tgz", registry.trim_end_matches('/'))
}

/// Compares an archive with the digest of the version that is fetched.
///
/// # Errors
/// [`Error::Package`] if it has another, and if it cannot be read.
pub fn verify(file: &Path) -> Result<()> {
    let mut digest = Sha512::new();
    let mut archive = kmax_base::read::open(file).map_err(|error| Error::read(file, error))?;
    std::io::copy(&mut archive, &mut digest).map_err(|error| Error::read(file, error))?;
    let found = BASE64_STANDARD.encode(digest.finalize());
    if found == INTEGRITY {
        return Ok(());
    }
    Err(Error::package(file, format!("has the SHA-512 {found}, expected {INTEGRITY} of {PACKAGE} {VERSION}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_that_of_registries_and_other_bytes_are_refused() {
        let expected = format!("https://npm.example/x/onnxruntime-web/-/onnxruntime-web-{VERSION}.tgz");
        assert_eq!(address("https://npm.example/x/"), expected);
        let place = tempfile::tempdir().expect("a folder");
        let file = place.path().join("a.tgz");
        std::fs::write(&file, "other").expect("written");
        let error = verify(&file).expect_err("another digest");
        assert!(error.to_string().contains("a.tgz: has the SHA-512"), "{error}");
        assert_eq!(BASE64_STANDARD.decode(INTEGRITY).expect("base64").len(), 64);
    }
}

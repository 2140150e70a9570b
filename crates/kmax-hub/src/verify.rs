//! Files in a cache against the checksums that they are named by.

use crate::error::{Error, Result};
use crate::etag::ETag;
use std::path::Path;

/// Compares a file in a cache of the Hub with the checksum that its blob is named by: a snapshot's link leads to `blobs/CHECKSUM`. A
/// file that lies elsewhere, or whose blob has an opaque name, has nothing to be compared with.
///
/// # Errors
/// If it cannot be read, or has another content; it is not removed.
pub fn verify(file: &Path) -> Result<()> {
    let blob = file.canonicalize().map_err(|e| Error::io(file, e))?;
    let in_blobs = blob.parent().and_then(Path::file_name).is_some_and(|folder| folder == "blobs");
    let name = blob.file_name().and_then(|name| name.to_str()).filter(|_| in_blobs);
    let Some(etag) = name.and_then(ETag::parse) else { return Ok(()) };
    etag.verify(&blob)
        .map_err(|e| Error::io(&blob, e))?
        .map_err(|reason| Error::Differs { file: file.into(), reason })
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_has_the_content_of_its_name() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let (blobs, snapshot) = (folder.path().join("blobs"), folder.path().join("snapshots/c"));
        std::fs::create_dir_all(&blobs)?;
        std::fs::create_dir_all(&snapshot)?;
        // `sha256sum` of the text `hello` with a newline.
        let name = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
        let link = snapshot.join("config.json");
        std::fs::write(blobs.join(name), "hello\n")?;
        std::os::unix::fs::symlink(Path::new("../../blobs").join(name), &link)?;
        assert!(verify(&link).is_ok());
        std::fs::write(blobs.join(name), "hellO\n")?;
        assert!(verify(&link).is_err_and(|error| error.to_string().contains("SHA-256")));
        let plain = folder.path().join("a");
        std::fs::write(&plain, "hello")?;
        assert!(verify(&plain).is_ok());
        Ok(())
    }
}

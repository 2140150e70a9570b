//! ETags: names of blobs and, where the Hub gives them, checksums.

use sha2::Digest;
use std::io::{self, Read};
use std::path::Path;

/// The ETag of a file, fit to be a file name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ETag(String);

impl ETag {
    /// From a header's value, quoted or not, weak or not. `None` if it could not name a file.
    pub fn parse(value: &str) -> Option<Self> {
        let value = value.trim();
        let text = value.strip_prefix("W/").unwrap_or(value).trim_matches('"');
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let fits = (1..=128).contains(&text.len()) && text.chars().all(plain) && !text.starts_with('.');
        fits.then(|| Self(text.to_string()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Compares the content of a file with the checksum that the ETag is: SHA-256 for large files, Git's SHA-1 of a blob
    /// for small ones. Other ETags say nothing. The text tells what differs.
    pub fn verify(&self, file: &Path) -> io::Result<Result<(), String>> {
        let hex = self.0.bytes().all(|b| b.is_ascii_hexdigit());
        let (kind, found) = match self.0.len() {
            64 if hex => ("SHA-256", self::hex(&hash(file, sha2::Sha256::new())?)),
            40 if hex => {
                let size = std::fs::metadata(file)?.len();
                let git = sha1::Sha1::new().chain_update(format!("blob {size}\0"));
                ("Git SHA-1", self::hex(&hash(file, git)?))
            }
            _ => return Ok(Ok(())),
        };
        if found.eq_ignore_ascii_case(&self.0) {
            return Ok(Ok(()));
        }
        Ok(Err(format!("wrong checksum: {kind} is {found}, expected {}", self.0)))
    }
}

fn hash<D: Digest>(file: &Path, mut digest: D) -> io::Result<Vec<u8>> {
    let mut file = kmax_base::read::open(file)?;
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(digest.finalize().to_vec()),
            count => digest.update(&buffer[..count]),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_become_names() {
        let text = |value: &str| ETag::parse(value).map(|etag| etag.as_str().to_string());
        assert_eq!(text("\"abc\"").as_deref(), Some("abc"));
        assert_eq!(text("W/\"abc-1\"").as_deref(), Some("abc-1"));
        for value in ["", "\"\"", "../x", "\"a/b\"", "..", ".hidden", "a\\b", "a b", "a:b"] {
            assert_eq!(text(value), None, "{value}");
        }
    }

    #[test]
    fn checksums_are_those_of_the_hub() -> io::Result<()> {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), "hello\n")?;
        // `git hash-object` and `sha256sum` of the same file.
        let git = "ce013625030ba8dba906f756967f9e9ca394464a";
        let sha256 = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
        for right in [git, sha256, &sha256.to_uppercase(), "opaque-1"] {
            assert_eq!(
                ETag::parse(right).map(|e| e.verify(file.path())).transpose()?,
                Some(Ok(())),
                "{right}"
            );
        }
        for wrong in [&git.replace('c', "d"), &sha256.replace('5', "6")] {
            let verdict = ETag::parse(wrong).map(|e| e.verify(file.path())).transpose()?;
            assert!(verdict.is_some_and(|v| v.is_err_and(|text| text.contains(wrong.as_str()))));
        }
        Ok(())
    }
}

//! Checksums that servers of plain files announce, and their comparison with a file.

use crate::error::{Error, Result};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use md5::Digest;
use std::io::{self, Read};
use std::path::Path;

/// A checksum of a whole file, as its server announces it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Checksum {
    Md5([u8; 16]),
    Crc32c([u8; 4]),
}

impl Checksum {
    /// From `X-Goog-Hash: crc32c=…, md5=…`, or else from an ETag that is an MD5, as storage services write it.
    pub fn announced(goog_hashes: &[&str], etag: Option<&str>) -> Option<Self> {
        let part = |name: &str| {
            let parts = goog_hashes.iter().flat_map(|header| header.split(','));
            parts.filter_map(|part| part.trim().strip_prefix(name)?.strip_prefix('=')).next()
        };
        let decoded = |name| part(name).and_then(|text| BASE64_STANDARD.decode(text).ok());
        let md5 = decoded("md5").and_then(|bytes| bytes.try_into().ok()).map(Self::Md5);
        let crc = || decoded("crc32c").and_then(|bytes| bytes.try_into().ok()).map(Self::Crc32c);
        md5.or_else(crc).or_else(|| etag.and_then(Self::of_etag))
    }

    fn of_etag(etag: &str) -> Option<Self> {
        let hex = etag.strip_prefix('"')?.strip_suffix('"')?;
        let mut bytes = [0; 16];
        if hex.len() != 32 || !hex.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        for (byte, digits) in bytes.iter_mut().zip(hex.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(Self::Md5(bytes))
    }

    /// In words: the kind and the digits.
    pub fn text(&self) -> String {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        match self {
            Self::Md5(bytes) => format!("MD5 {}", hex(bytes)),
            Self::Crc32c(bytes) => format!("CRC32C {}", hex(bytes)),
        }
    }

    /// Compares it with that of `file`, which came from `url` and is removed if it has another.
    pub fn verify(&self, file: &Path, url: &str) -> Result<()> {
        let found = match self {
            Self::Md5(_) => {
                let mut md5 = md5::Md5::new();
                read(file, |bytes| md5.update(bytes)).map(|()| Self::Md5(md5.finalize().into()))
            }
            Self::Crc32c(_) => {
                let mut crc = 0;
                let sum = read(file, |bytes| crc = crc32c::crc32c_append(crc, bytes));
                sum.map(|()| Self::Crc32c(crc.to_be_bytes()))
            }
        };
        let found = found.map_err(|e| Error::io(file, e))?;
        if found == *self {
            return Ok(());
        }
        std::fs::remove_file(file).map_err(|e| Error::io(file, e))?;
        let reason = format!("wrong checksum: {}, expected {}", found.text(), self.text());
        Err(Error::Corrupt { url: url.into(), reason })
    }
}

fn read(file: &Path, mut update: impl FnMut(&[u8])) -> io::Result<()> {
    let mut file = kmax_base::read::open(file)?;
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(()),
            count => update(&buffer[..count]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the text `hello\n`, by `md5sum`, and by `crc32c` of Google's library.
    const MD5: &str = "b1946ac92492d2347c6235b4d2611184";

    #[test]
    fn headers_announce_checksums() {
        let md5 = Checksum::of_etag(&format!("\"{MD5}\""));
        let text = |checksum: Option<Checksum>| checksum.map(|checksum| checksum.text());
        assert_eq!(text(md5.clone()), Some(format!("MD5 {MD5}")));
        let both = ["crc32c=AAAAAQ==,md5=sZRqySSS0jR8YjW00mERhA=="];
        assert_eq!(Checksum::announced(&both, None), md5);
        assert_eq!(Checksum::announced(&["crc32c=AAAAAQ=="], None), Some(Checksum::Crc32c([0, 0, 0, 1])));
        assert_eq!(Checksum::announced(&["crc32c=nonsense"], Some("\"a-3\"")), None);
        assert_eq!(Checksum::announced(&[], Some(&format!("W/\"{MD5}\""))), None);
    }

    #[test]
    fn a_file_of_other_content_is_removed() -> Result<()> {
        let folder = tempfile::tempdir().map_err(|e| Error::io(Path::new("temp"), e))?;
        let file = folder.path().join("a");
        std::fs::write(&file, "hello\n").map_err(|e| Error::io(&file, e))?;
        Checksum::of_etag(&format!("\"{MD5}\"")).expect("an MD5").verify(&file, "u")?;
        // The check value of the algorithm's definition (RFC 3720): 123456789 gives e3069283.
        std::fs::write(&file, "123456789").map_err(|e| Error::io(&file, e))?;
        Checksum::Crc32c([0xe3, 0x06, 0x92, 0x83]).verify(&file, "u")?;
        let message = Checksum::Crc32c([0; 4]).verify(&file, "u").expect_err("another").to_string();
        assert!(message.contains("e3069283") && !file.exists(), "{message}");
        Ok(())
    }
}

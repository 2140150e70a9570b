//! The engine: the few files of its package that a page needs.

use crate::error::{Error, Result};
use crate::package::PACKAGE;
use flate2::read::GzDecoder;
use serde_json::Value;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use tar::Archive;

/// WebAssembly alone, without the engines for graphics cards: the script, what starts the module, the module.
const FILES: [&str; 3] =
    ["dist/ort.wasm.min.mjs", "dist/ort-wasm-simd-threaded.mjs", "dist/ort-wasm-simd-threaded.wasm"];

/// Says of which version they are, and under which licence.
const ABOUT: &str = "package.json";

/// More bytes in one of the files are no such file.
const LARGEST: u64 = 64 << 20;

/// More bytes in an archive, unpacked, are no such package.
const LARGEST_ARCHIVE: u64 = 1 << 30;

/// The engine that runs networks in a browser.
#[derive(Clone)]
pub struct Runtime {
    /// Contents in the order of [`FILES`].
    files: Vec<Vec<u8>>,
    version: String,
    license: String,
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime").field("version", &self.version).field("bytes", &self.bytes()).finish()
    }
}

impl Runtime {
    /// Out of the npm package, as its archive (`.tgz`) or as its unpacked folder.
    ///
    /// # Errors
    /// If it cannot be read, or a file is missing or too large.
    pub fn open(path: &Path) -> Result<Self> {
        let names = || FILES.into_iter().chain([ABOUT]);
        let mut found = if path.is_dir() {
            names().map(|name| of_folder(&path.join(name)).map(Some)).collect::<Result<Vec<_>>>()?
        } else {
            of_archive(path, &names().collect::<Vec<_>>())?
        };
        if let Some((name, _)) = names().zip(&found).find(|(_, bytes)| bytes.is_none()) {
            return Err(Error::package(path, format!("has no {name}: expected the npm package {}", PACKAGE)));
        }
        let about = found.pop().flatten().unwrap_or_default();
        let about: Value = serde_json::from_slice(&about)
            .map_err(|error| Error::package(path, format!("{ABOUT} is no JSON: {error}")))?;
        if about["name"] != PACKAGE {
            return Err(Error::package(
                path,
                format!("is the package {}, expected {}", about["name"], PACKAGE),
            ));
        }
        let text = |key: &str| about[key].as_str().unwrap_or("?").to_string();
        Ok(Self {
            files: found.into_iter().flatten().collect(),
            version: text("version"),
            license: text("license"),
        })
    }

    /// The version of the package.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The licence that the package names.
    pub fn license(&self) -> &str {
        &self.license
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.len() as u64).sum()
    }

    /// Bytes of the WebAssembly module, which is most of it.
    pub(crate) fn module_bytes(&self) -> u64 {
        self.files.last().map_or(0, |module| module.len() as u64)
    }

    /// Names without folders, and contents.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        FILES.into_iter().map(plain).zip(self.files.iter().map(Vec::as_slice))
    }

    /// The script to import, and the module to fetch.
    pub(crate) fn entries() -> [&'static str; 2] {
        [FILES[0], FILES[2]].map(plain)
    }
}

fn plain(name: &'static str) -> &'static str {
    name.rsplit('/').next().unwrap_or(name)
}

fn of_folder(file: &Path) -> Result<Vec<u8>> {
    let open = File::open(file).map_err(|error| Error::read(file, error))?;
    limited(open).map_err(|error| Error::read(file, error))
}

/// The files of those names; nothing for one that is not there.
fn of_archive(path: &Path, names: &[&str]) -> Result<Vec<Option<Vec<u8>>>> {
    let file = File::open(path).map_err(|error| Error::read(path, error))?;
    let damaged = |error: std::io::Error| Error::package(path, format!("is no npm package: {error}"));
    let mut archive = Archive::new(GzDecoder::new(file).take(LARGEST_ARCHIVE));
    let mut found = vec![None; names.len()];
    for entry in archive.entries().map_err(damaged)? {
        let entry = entry.map_err(damaged)?;
        let inside = entry.path().map_err(damaged)?.strip_prefix("package").map(Path::to_path_buf);
        let place = inside.ok().and_then(|inside| names.iter().position(|name| inside == Path::new(name)));
        if let Some(place) = place {
            found[place] = Some(limited(entry).map_err(damaged)?);
        }
    }
    Ok(found)
}

fn limited(reader: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(std::io::Error::other(format!("a file of more than {LARGEST} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;

    /// A package as npm packs it, but for the files in `without`.
    pub(crate) fn archive(folder: &Path, without: &str) -> std::path::PathBuf {
        let file = folder.join("package.tgz");
        let gzip = GzEncoder::new(File::create(&file).expect("created"), Compression::fast());
        let mut builder = tar::Builder::new(gzip);
        let about = br#"{"name": "onnxruntime-web", "version": "9.8.7", "license": "MIT"}"#;
        for name in FILES.into_iter().chain([ABOUT, "README.md"]).filter(|name| *name != without) {
            let bytes: &[u8] = if name == ABOUT { about } else { name.as_bytes() };
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, format!("package/{name}"), bytes).expect("appended");
        }
        builder.into_inner().and_then(GzEncoder::finish).expect("written");
        file
    }

    #[test]
    fn an_archive_and_its_folder_are_the_same() {
        let place = tempfile::tempdir().expect("a folder");
        let file = archive(place.path(), "");
        let packed = Runtime::open(&file).expect("a package");
        assert_eq!((packed.version(), packed.license()), ("9.8.7", "MIT"));
        let names: Vec<_> = packed.files().map(|(name, _)| name).collect();
        assert_eq!(names, ["ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"]);
        let gzip = GzDecoder::new(File::open(&file).expect("there"));
        Archive::new(gzip).unpack(place.path()).expect("unpacked");
        let unpacked = Runtime::open(&place.path().join("package")).expect("a package");
        assert_eq!(unpacked.files, packed.files);
    }

    #[test]
    fn what_is_no_such_package_is_refused_in_words() {
        let place = tempfile::tempdir().expect("a folder");
        let file = archive(place.path(), FILES[2]);
        let error = Runtime::open(&file).expect_err("incomplete");
        assert!(error.to_string().contains("has no dist/ort-wasm-simd-threaded.wasm"), "{error}");
        assert_eq!(error.kind(), crate::ErrorKind::Damaged);
        std::fs::write(&file, "no archive").expect("written");
        assert!(Runtime::open(&file).expect_err("text").to_string().contains("is no npm package"));
        let error = Runtime::open(&place.path().join("absent.tgz")).expect_err("absent");
        assert_eq!(error.kind(), crate::ErrorKind::NotFound);
        let error = Runtime::open(place.path()).expect_err("another folder");
        assert!(error.to_string().contains("ort.wasm.min.mjs"), "{error}");
    }
}

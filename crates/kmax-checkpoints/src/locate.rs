//! From a path to the file of a checkpoint and its format.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::contents::Format;
use crate::error::{Error, Result};
use crate::safetensors_file::is_safetensors;
use crate::source::Source;
use crate::tarball;
use crate::tensorflow::{index_of_prefix, is_table};

/// The main file of a checkpoint.
pub(crate) struct Located {
    /// The file, or the archive that holds it.
    pub file: PathBuf,
    pub source: Source,
    pub kind: Format,
    pub unpacked: Option<TempDir>,
}

/// Finds the checkpoint that a user means by `path`.
pub(crate) fn locate(path: &Path) -> Result<Located> {
    let file = resolve(path)?;
    let source = Source::open(&file)?;
    if !tarball::is_gzip(source.bytes()) && !tarball::is_tar(source.bytes()) {
        let kind = guess(&source)?;
        return Ok(Located { file, source, kind, unpacked: None });
    }
    let unpacked = tarball::unpack(&source)?;
    let inner = || -> Result<(Source, Format)> {
        let source = Source::open(&only_checkpoint(unpacked.path())?)?;
        let kind = guess(&source)?;
        Ok((source, kind))
    };
    let (source, kind) = inner().map_err(|error| error.moved(unpacked.path(), &file))?;
    Ok(Located { file, source, kind, unpacked: Some(unpacked) })
}

/// The file that a path means.
fn resolve(path: &Path) -> Result<PathBuf> {
    if path.is_dir() {
        return only_checkpoint(path);
    }
    let index = index_of_prefix(path);
    if path.exists() {
        return Ok(path.to_path_buf());
    }
    if index.is_file() {
        return Ok(index);
    }
    Err(Error::Absent { file: path.to_path_buf(), index })
}

/// The only checkpoint in a folder.
fn only_checkpoint(folder: &Path) -> Result<PathBuf> {
    const ENDINGS: [&str; 8] = ["index", "pth", "pt", "pkl", "bin", "safetensors", "tar", "gz"];
    let io = |e| Error::io(folder, e);
    let mut found = Vec::new();
    let mut shards = false;
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        let ending = path.extension().and_then(OsStr::to_str).unwrap_or_default();
        shards |= ending.starts_with("data-");
        if ENDINGS.contains(&ending) && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    match found.as_slice() {
        [only] => Ok(only.clone()),
        [] if shards => {
            Err(Error::not_a_checkpoint(folder, "holds the data of a TensorFlow checkpoint, but no .index"))
        }
        [] => Err(Error::not_a_checkpoint(
            folder,
            format!("holds no checkpoint (a file ending in .{})", ENDINGS.join(", .")),
        )),
        [first, second, ..] => {
            let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let (first, second, count) = (name(first), name(second), found.len());
            Err(Error::not_a_checkpoint(
                folder,
                format!("holds {count} checkpoints ({first}, {second} …), name one"),
            ))
        }
    }
}

/// The format of a file, from its content.
fn guess(source: &Source) -> Result<Format> {
    let (bytes, path) = (source.bytes(), source.path());
    let is_index = path.extension() == Some(OsStr::new("index"));
    if is_table(bytes) && !is_index {
        return Err(Error::not_a_checkpoint(
            path,
            "a TensorFlow index, whose name must end in .index to find its data",
        ));
    }
    // A damaged index is no longer recognised by its content; the name lets the error say what is wrong with it.
    if is_index {
        return Ok(Format::TensorFlow);
    }
    if bytes.starts_with(b"PK") {
        return Ok(Format::Torch);
    }
    if is_safetensors(bytes) {
        return Ok(Format::SafeTensors);
    }
    if bytes.starts_with(b"\x89HDF") {
        return Err(Error::not_a_checkpoint(path, "an HDF5 file; save it in the TensorFlow format instead"));
    }
    if path.extension().and_then(OsStr::to_str).is_some_and(|ending| ending.starts_with("data-")) {
        return Err(Error::not_a_checkpoint(path, "the data of a TensorFlow bundle; name its .index"));
    }
    match bytes {
        [] => Err(Error::not_a_checkpoint(path, "is empty")),
        // Protocol 2 and later say so; earlier ones start with a container, a global or a number.
        [0x80, 2..=5, ..] | [b'(' | b']' | b'}' | b'c' | b'L', ..] => Ok(Format::Pickle),
        _ => {
            let known =
                "a TensorFlow index, a zip archive or a pickle of PyTorch, a pickle of arrays, safetensors";
            Err(Error::not_a_checkpoint(path, format!("is none of {known}")))
        }
    }
}

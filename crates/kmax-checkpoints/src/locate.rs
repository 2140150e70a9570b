//! From a path to the file of a checkpoint and its format.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use kmax_base::beside::Beside;

use crate::among::only_among;
use crate::contents::Format;
use crate::error::{Error, Result};
use crate::safetensors_file::is_safetensors;
use crate::sharded::Sharded;
use crate::source::Source;
use crate::streamed::Streamed;
use crate::tarball::Tarball;
use crate::tensorflow::{index_of_prefix, is_table};

/// A checkpoint that was found.
pub(crate) struct Located {
    /// The main file, or the archive that holds it.
    pub file: PathBuf,
    pub main: Main,
}

/// How the main file of a checkpoint is read.
pub(crate) enum Main {
    File {
        source: Source,
        kind: Format,
        unpacked: Option<Beside>,
    },
    /// From an archive that stays as it is.
    Streamed(Box<Streamed>),
    /// Several files.
    Sharded {
        sharded: Sharded,
        unpacked: Option<Beside>,
    },
}

/// What a file is that is no archive.
fn main(source: Source, unpacked: Option<Beside>) -> Result<Main> {
    Ok(match Sharded::read(&source)? {
        Some(sharded) => Main::Sharded { sharded, unpacked },
        None => Main::File { kind: guess(&source)?, source, unpacked },
    })
}

/// Bytes that tell an archive, which is not read into memory: a block of `tar`.
const HEAD: u64 = 512;

/// Finds the checkpoint that a user means by `path`.
pub(crate) fn locate(path: &Path) -> Result<Located> {
    let file = resolve(path)?;
    let Some(archive) = Tarball::of(&file, &Source::head(&file, HEAD)?) else {
        return Ok(Located { main: main(Source::open(&file)?, None)?, file });
    };
    if let Some(streamed) = Streamed::open(&archive)? {
        return Ok(Located { file, main: Main::Streamed(streamed) });
    }
    let unpacked = archive.unpack()?;
    let folder = unpacked.path().to_path_buf();
    let source = only_checkpoint(&folder).and_then(|main| Source::open(&main));
    let main = source.and_then(|source| main(source, Some(unpacked)));
    Ok(Located { main: main.map_err(|error| error.moved(&folder, &file))?, file })
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
    let io = |e| Error::io(folder, e);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        names.extend(path.file_name().and_then(OsStr::to_str).filter(|_| path.is_file()).map(str::to_string));
    }
    names.sort();
    let only = only_among(names.iter().map(String::as_str));
    only.map(|only| folder.join(only)).map_err(|reason| Error::not_a_checkpoint(folder, reason))
}

/// The format of a file, from its content.
pub(crate) fn guess(source: &Source) -> Result<Format> {
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

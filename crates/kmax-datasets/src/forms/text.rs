//! Lists and tables of text.

use std::path::Path;

use kmax_base::read::{decode, read_file};

use crate::error::{Error, Result};
use crate::files;

/// The largest table of classes, or settings of a dataset.
const MAX_TABLE: u64 = 1 << 20;

/// The lines of a list that hold something, without blanks around them, and their numbers from 1.
///
/// # Errors
/// If the file cannot be read or is no text.
pub(super) fn lines(file: &Path) -> Result<Vec<(usize, String)>> {
    let bytes = files::read_list(file)?;
    let text = decode(&bytes).map_err(Error::read(file))?;
    let lines = text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty());
    Ok(lines.map(|(at, line)| (at + 1, line.to_owned())).collect())
}

/// A small file of text.
///
/// # Errors
/// If it cannot be read, is no text, or is larger than any such file.
pub(super) fn table(file: &Path) -> Result<String> {
    let bytes = read_file(file, MAX_TABLE).map_err(Error::read(file))?;
    Ok(decode(&bytes).map_err(Error::read(file))?.into_owned())
}

//! Maps from and to PNG files; errors name the file.

use std::path::Path;

use kmax_masks::{LabelMap, codec};

use crate::error::{Error, Result};
use crate::files;

/// The segment ids of a panoptic PNG (R + 256 G + 65536 B).
///
/// # Errors
/// If the file cannot be read, is no 8-bit RGB PNG, or is too large.
pub fn read_panoptic(file: &Path) -> Result<LabelMap> {
    codec::decode_panoptic(&files::read(file)?).map_err(Error::masks(file))
}

/// The values of a grey PNG of up to 16 bits, or the indices of one with a palette.
///
/// # Errors
/// If the file cannot be read, is no such PNG, or is too large.
pub fn read_labels(file: &Path) -> Result<LabelMap> {
    codec::decode_labels(&files::read(file)?).map_err(Error::masks(file))
}

/// Writes a panoptic PNG.
///
/// # Errors
/// If an id is above [`codec::MAX_PANOPTIC_ID`], the map is empty, or the file cannot be written.
pub fn write_panoptic(file: &Path, map: &LabelMap) -> Result<()> {
    files::write(file, &codec::encode_panoptic(map).map_err(Error::masks(file))?)
}

/// Writes an 8-bit grey PNG.
///
/// # Errors
/// If a value is above 255, the map is empty, or the file cannot be written.
pub fn write_labels(file: &Path, map: &LabelMap) -> Result<()> {
    files::write(file, &codec::encode_labels(map).map_err(Error::masks(file))?)
}

/// Writes a 16-bit grey PNG.
///
/// # Errors
/// If a value is above 65535, the map is empty, or the file cannot be written.
pub fn write_labels_16(file: &Path, map: &LabelMap) -> Result<()> {
    files::write(file, &codec::encode_labels_16(map).map_err(Error::masks(file))?)
}

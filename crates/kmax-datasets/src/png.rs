//! Maps from and to PNG files; errors name the file.

use std::path::Path;

use kmax_masks::{LabelMap, codec};
use kmax_transforms::RgbImage;

use crate::error::{Error, Result};
use crate::files;

/// The segment ids of a panoptic PNG (R + 256 G + 65536 B).
///
/// # Errors
/// If the file cannot be read, is no opaque 8-bit RGB PNG, or is too large.
pub fn read_panoptic(file: &Path) -> Result<LabelMap> {
    codec::decode_panoptic(&files::read(file)?).map_err(Error::masks(file))
}

/// As [`read_panoptic`], of an image whose segments are known: grey PNGs and those with a palette, too.
///
/// # Errors
/// As [`codec::decode_panoptic_of`].
pub(crate) fn read_panoptic_of(file: &Path, listed: &[u32]) -> Result<LabelMap> {
    decode_panoptic_of(&files::read(file)?, file, listed)
}

/// As [`read_panoptic_of`], from the bytes of the file.
pub(crate) fn decode_panoptic_of(bytes: &[u8], file: &Path, listed: &[u32]) -> Result<LabelMap> {
    codec::decode_panoptic_of(bytes, listed).map_err(Error::masks(file))
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

/// Writes an 8-bit RGB PNG.
///
/// # Errors
/// If the image is empty, or the file cannot be written.
pub fn write_photo(file: &Path, photo: &RgbImage) -> Result<()> {
    let fail = |error: ::png::EncodingError| Error::file(file, error.to_string());
    let mut bytes = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut bytes, photo.width(), photo.height());
    encoder.set_color(::png::ColorType::Rgb);
    encoder.set_depth(::png::BitDepth::Eight);
    encoder.set_compression(::png::Compression::Fast);
    let mut writer = encoder.write_header().map_err(fail)?;
    writer.write_image_data(photo).map_err(fail)?;
    writer.finish().map_err(fail)?;
    files::write(file, &bytes)
}

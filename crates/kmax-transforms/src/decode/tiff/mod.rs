//! TIFF: its first page.

mod chunks;
mod samples;

use std::borrow::Cow;
use std::io::{Cursor, Read, Seek};

use tiff::TiffError;
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;

use super::{Admission, Decoded, Failure};
use crate::exif::{self, Block};

pub(crate) use chunks::check as check_parts;
pub(crate) use samples::Samples;

/// Photometric interpretations of TIFF 6.0.
const BLACK_IS_ZERO: u32 = 1;
const PALETTE: u32 = 3;
/// Tag of the interpretation.
const INTERPRETATION: u32 = 262;
/// A tag that raw photos (DNG) have.
const DNG_VERSION: Tag = Tag::Unknown(50_706);
/// The most pages that are counted.
const PAGES: usize = 1000;

/// Decodes the first page.
pub(super) fn decode(data: &[u8], admission: &Admission) -> Result<Decoded, Failure> {
    let (data, palette) = without_palette(data);
    let mut decoder = Decoder::new(Cursor::new(&data[..]))?.with_limits(limits(admission.pixels));
    let raw = is_raw(&mut decoder, &data)?;
    if raw || is_preview(&mut decoder) {
        let what =
            if raw { "a raw photo of a camera" } else { "a TIFF whose first page is a preview of another" };
        return Err(Failure::Unread(what.into(), "develop or convert it to JPEG, PNG or TIFF".into()));
    }
    let (width, height) = decoder.dimensions()?;
    let colors = decoder.colortype()?;
    let samples = u64::from(colors.num_samples()) * u64::from(colors.bit_depth().div_ceil(8));
    admission.admit(width, height, samples)?;
    let mut notes = check_parts(&mut decoder, data.len() as u64)?;
    let mut values = DecodingResult::U8(Vec::new());
    let layout = decoder.read_image_to_buffer(&mut values)?;
    if values.as_buffer(0).byte_len() < layout.complete_len {
        return Err(Failure::damaged("its planes are too large"));
    }
    let extra = decoder.find_tag_unsigned_vec::<u16>(Tag::ExtraSamples)?.unwrap_or_default();
    let (premultiplied, grey_alpha) = (extra.first() == Some(&1), matches!(extra[..], [1 | 2]));
    let mut map = None;
    if palette {
        map = Some(decoder.get_tag_u16_vec(Tag::ColorMap)?);
    }
    let profile = decoder.find_tag(Tag::IccProfile)?.and_then(|value| value.into_u8_vec().ok());
    let samples =
        Samples { width, height, colors, planes: layout.planes, values, premultiplied, grey_alpha, map };
    let raster = samples.raster()?;
    if has_more_pages(&mut decoder) {
        notes.push("it has several pages; the first is taken".to_owned());
    }
    Ok(Decoded { orientation: exif::orientation(&data), profile, notes, ..Decoded::new(raster) })
}

/// The decoder reads no palettes; of indices that are called grey it makes what is stored.
fn without_palette(data: &[u8]) -> (Cow<'_, [u8]>, bool) {
    let found = Block::of(data).and_then(|block| {
        let at = block.entry(INTERPRETATION)?;
        (block.number(at + 2, 2)? == 3 && block.number(at + 8, 2)? == PALETTE)
            .then_some((at + 8, block.little))
    });
    let Some((at, little)) = found else { return (Cow::Borrowed(data), false) };
    let mut data = data.to_vec();
    let grey = BLACK_IS_ZERO as u16;
    data[at..at + 2].copy_from_slice(&if little { grey.to_le_bytes() } else { grey.to_be_bytes() });
    (Cow::Owned(data), true)
}

pub(crate) fn limits(pixels: u64) -> Limits {
    let mut limits = Limits::default();
    // Planes and strips are parts of an image that was admitted, of up to four channels with 16 bits.
    let most = usize::try_from(pixels.saturating_mul(8)).unwrap_or(usize::MAX);
    limits.decoding_buffer_size = most;
    limits.intermediate_buffer_size = most;
    // Profiles of printers have some megabytes, and so have the places of the strips of a large scan.
    limits.ifd_value_size = 1 << 26;
    limits
}

/// Whether it is what a camera's sensor saw.
fn is_raw<R: Read + Seek>(decoder: &mut Decoder<R>, head: &[u8]) -> Result<bool, Failure> {
    Ok(decoder.find_tag(DNG_VERSION)?.is_some() || head.get(8..10) == Some(b"CR"))
}

/// Whether the first page is a picture whose strips or tiles are rows of whole samples, and stands upright.
pub(crate) fn has_rows<R: Read + Seek>(decoder: &mut Decoder<R>, head: &[u8]) -> Result<bool, Failure> {
    let mut is = |tag, value| -> Result<bool, Failure> {
        Ok(decoder.find_tag_unsigned::<u32>(tag)?.is_none_or(|found| found == value))
    };
    let plain = is(Tag::Orientation, 1)? && is(Tag::PlanarConfiguration, 1)?;
    let palette = decoder.find_tag_unsigned::<u32>(Tag::PhotometricInterpretation)? == Some(PALETTE);
    let bytes = decoder.colortype()?.bit_depth() >= 8;
    Ok(plain && !palette && bytes && !is_raw(decoder, head)? && !is_preview(decoder))
}

/// Whether a page is a smaller copy of another.
fn is_preview<R: Read + Seek>(decoder: &mut Decoder<R>) -> bool {
    matches!(decoder.find_tag_unsigned::<u32>(Tag::NewSubfileType), Ok(Some(kind)) if kind & 1 == 1)
}

pub(crate) fn has_more_pages<R: Read + Seek>(decoder: &mut Decoder<R>) -> bool {
    for _ in 0..PAGES {
        if !decoder.more_images() {
            return false;
        }
        // A page that cannot be read is one more, all the same.
        if decoder.next_image().is_err() || !is_preview(decoder) {
            return true;
        }
    }
    true
}

impl From<TiffError> for Failure {
    fn from(error: TiffError) -> Self {
        match error {
            TiffError::UnsupportedError(error) => Self::Unread(
                format!("a TIFF of a rare form ({error})"),
                "convert it to JPEG, PNG or a plain TIFF".into(),
            ),
            TiffError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                Self::damaged("it ends before its last rows")
            }
            error => Self::Damaged(error.to_string()),
        }
    }
}

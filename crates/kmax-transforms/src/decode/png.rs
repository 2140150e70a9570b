//! PNG.
//!
//! As Pillow does, gAMA and cHRM are ignored: a picture without an ICC profile is taken as sRGB. Most programs that write them
//! mean sRGB, and some mean nothing.

use std::io::Cursor;

use image::codecs::png::PngDecoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder};

use super::{Admission, Decoded, Failure};
use crate::exif;

/// Decodes a picture. Checksums are verified, and rows that are missing are an error.
pub(super) fn decode(data: &[u8], admission: &Admission) -> Result<Decoded, Failure> {
    let mut decoder = PngDecoder::with_limits(Cursor::new(data), super::plain::limits(admission))?;
    let (width, height) = decoder.dimensions();
    admission.admit(width, height, decoder.color_type().bytes_per_pixel().into())?;
    let profile = decoder.icc_profile()?;
    let mut decoded = Decoded::new(DynamicImage::from_decoder(decoder)?);
    let mut note = |note: &str| decoded.notes.push(note.to_owned());
    let mut ends = false;
    let mut orientation = Orientation::NoTransforms;
    for (kind, content) in chunks(data) {
        match kind {
            b"IEND" => ends = true,
            b"acTL" => note("it is animated; its still picture is taken"),
            b"eXIf" => orientation = exif::orientation(content),
            b"iCCP" if profile.is_none() => {
                note("its colour profile is damaged; its values are taken as sRGB")
            }
            _ => {}
        }
    }
    if !ends {
        note("its end is missing");
    }
    Ok(Decoded { orientation, profile, ..decoded })
}

/// Kinds and contents of all chunks that are there as a whole.
fn chunks(data: &[u8]) -> impl Iterator<Item = (&[u8; 4], &[u8])> {
    let mut rest = data.get(8..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let (kind, after) = after.split_first_chunk::<4>()?;
        let (content, after) = after.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        rest = after.get(4..)?;
        Some((kind, content))
    })
}

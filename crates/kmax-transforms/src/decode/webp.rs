//! WebP.

use std::io::Cursor;

use image::codecs::webp::WebPDecoder;
use image::{DynamicImage, ImageDecoder};

use super::{Admission, Decoded, Failure};
use crate::exif;

/// Decodes a picture, or the first one of an animation.
pub(super) fn decode(data: &[u8], admission: &Admission) -> Result<Decoded, Failure> {
    let mut decoder = WebPDecoder::new(Cursor::new(data))?;
    let (width, height) = decoder.dimensions();
    admission.admit(width, height, decoder.color_type().bytes_per_pixel().into())?;
    decoder.set_limits(super::plain::limits(admission))?;
    let animated = decoder.has_animation();
    // Damage there is damage that nobody sees.
    let exif = decoder.exif_metadata().ok().flatten().unwrap_or_default();
    let profile = decoder.icc_profile();
    let mut decoded = Decoded::new(DynamicImage::from_decoder(decoder)?);
    if animated {
        decoded.notes.push("it is animated; its first picture is taken".to_owned());
    }
    if profile.is_err() {
        decoded.notes.push("its colour profile is damaged; its values are taken as sRGB".to_owned());
    }
    let length = data.get(4..8).map_or(0, |b| u64::from(u32::from_le_bytes([b[0], b[1], b[2], b[3]])));
    if length + 8 > data.len() as u64 {
        decoded.notes.push("its end is missing; parts of it may be wrong".to_owned());
    }
    Ok(Decoded { orientation: exif::orientation(&exif), profile: profile.ok().flatten(), ..decoded })
}

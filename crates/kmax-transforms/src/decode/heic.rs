//! HEIC: photos of phones.

use heic_rs::{DecodeOptions, Error, PixelLayout};
use image::{DynamicImage, RgbImage, RgbaImage};

use super::{Admission, Decoded, Failure};

/// Decodes the primary picture. The decoder turns it upright; HEIF wants the EXIF orientation ignored.
pub(super) fn decode(data: &[u8], admission: &Admission) -> Result<Decoded, Failure> {
    let info = heic_rs::probe(data).map_err(failure)?;
    // Luma, chroma and colours, of up to 16 bits while they are decoded.
    admission.admit(info.width, info.height, 12)?;
    let layout = if info.has_alpha { PixelLayout::Rgba8 } else { PixelLayout::Rgb8 };
    let options = DecodeOptions::default()
        .with_layout(layout)
        .with_max_pixels(Some(admission.pixels))
        .with_strict(true)
        .with_threads(Some(1));
    let image = heic_rs::decode(data, &options).map_err(failure)?;
    let picture = match layout {
        PixelLayout::Rgba8 => {
            RgbaImage::from_raw(image.width, image.height, image.data).map(DynamicImage::from)
        }
        _ => RgbImage::from_raw(image.width, image.height, image.data).map(DynamicImage::from),
    };
    let picture = picture.ok_or_else(|| Failure::damaged("it has fewer pixels than its header says"))?;
    Ok(Decoded { profile: profile(data), ..Decoded::new(picture) })
}

fn failure(error: Error) -> Failure {
    match error {
        Error::Unsupported(what) => Failure::Unread(
            format!("a HEIC picture of a rare form ({what})"),
            "convert it to JPEG or PNG".into(),
        ),
        error => Failure::damaged(error.to_string()),
    }
}

/// The first colour profile among the boxes: length, `colr`, its kind, the profile. All pictures of a file share one.
fn profile(data: &[u8]) -> Option<Vec<u8>> {
    let at = data.windows(8).position(|bytes| bytes == b"colrprof")?;
    let length = u32::from_be_bytes(*data.get(..at)?.last_chunk::<4>()?) as usize;
    Some(data.get(at + 8..(at - 4).checked_add(length)?)?.to_vec())
}

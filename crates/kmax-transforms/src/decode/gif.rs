//! GIF: its first picture.

use gif::{ColorOutput, DecodeOptions};
use image::{DynamicImage, RgbaImage};

use super::{Admission, Decoded, Failure};

/// Decodes the first picture, on a transparent screen.
pub(super) fn decode(data: &[u8], admission: &Admission) -> Result<Decoded, Failure> {
    let damaged = |error: gif::DecodingError| Failure::damaged(error.to_string());
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::RGBA);
    options.check_lzw_end_code(true);
    options.allow_unknown_blocks(true);
    let mut decoder = options.read_info(data).map_err(damaged)?;
    let (width, height) = (u32::from(decoder.width()), u32::from(decoder.height()));
    // The screen and, in the worst case, a picture of its size.
    admission.admit(width, height, 8)?;
    let profile = decoder.icc_profile().map(<[u8]>::to_vec);
    let Some(frame) = decoder.next_frame_info().map_err(damaged)? else {
        return Err(Failure::damaged("it holds no picture"));
    };
    let [left, top, wide, high] = [frame.left, frame.top, frame.width, frame.height].map(u32::from);
    admission.admit(wide, high, 8)?;
    let mut values = vec![0; decoder.buffer_size()];
    decoder.read_into_buffer(&mut values).map_err(damaged)?;
    let picture =
        RgbaImage::from_raw(wide, high, values).ok_or_else(|| Failure::damaged("it lacks pixels"))?;
    let picture = match (left, top) == (0, 0) && (wide, high) == (width, height) {
        true => picture,
        false => {
            let mut screen = RgbaImage::new(width, height);
            image::imageops::replace(&mut screen, &picture, left.into(), top.into());
            screen
        }
    };
    let mut decoded = Decoded::new(DynamicImage::from(picture));
    decoded.notes.extend(rest(data).map(str::to_owned));
    Ok(Decoded { profile, ..decoded })
}

/// What is to be said of what follows the first picture. By a decoder of its own, which leaves the pixels out: the one that looks for
/// the end of their code misses it where it lies in a part of the data behind the last pixel.
fn rest(data: &[u8]) -> Option<&'static str> {
    let mut options = DecodeOptions::new();
    options.skip_frame_decoding(true);
    options.allow_unknown_blocks(true);
    let pictures = options.read_info(data).and_then(|mut decoder| {
        decoder.next_frame_info()?;
        Ok(decoder.next_frame_info()?.is_some())
    });
    match pictures {
        Ok(false) => None,
        Ok(true) => Some("it is animated; its first picture is taken"),
        Err(_) => Some("its end is missing or damaged; its first picture is whole"),
    }
}

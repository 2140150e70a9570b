//! JPEG, grey, in colour or for print; and whether all its pixels are there.

mod bits;
mod scan;

use std::borrow::Cow;

use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, RgbImage};
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use super::{Admission, Decoded, Failure, Raster};
use crate::exif;
pub(super) use scan::{Finding, walk};

/// The marker that ends a picture.
const END: [u8; 2] = [0xff, 0xd9];

/// Decodes a picture.
pub(super) fn decode(data: &[u8], admission: &Admission) -> Result<Decoded, Failure> {
    let Outline { ends, progressive } = outline(data);
    let whole = if ends { Cow::Borrowed(data) } else { Cow::Owned([data, &END].concat()) };
    let options =
        DecoderOptions::default().set_strict_mode(false).set_max_width(usize::MAX).set_max_height(usize::MAX);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&whole[..]), options);
    decoder.decode_headers().map_err(|error| Failure::damaged(one_line(&error)))?;
    let (Some((width, height)), Some(space)) = (decoder.dimensions(), decoder.input_colorspace()) else {
        return Err(Failure::damaged("it has no header"));
    };
    let (width, height) = (width as u32, height as u32);
    let channels = space.num_components() as u64;
    // All coefficients of a progressive picture are held, 16 bits each.
    admission.admit(width, height, channels * if progressive { 3 } else { 1 })?;
    let mut notes = Vec::new();
    match walk(&whole) {
        Some(Finding::Cut) => return Err(Failure::damaged("its scan ends before the last rows")),
        Some(Finding::Damaged(how)) => notes.push(how.to_owned()),
        Some(Finding::Whole) | None => {}
    }
    if !ends {
        notes.push("its end marker is missing".to_owned());
    }
    let target = match space {
        ColorSpace::Luma | ColorSpace::CMYK | ColorSpace::YCCK => space,
        _ => ColorSpace::RGB,
    };
    decoder.set_options(options.jpeg_set_out_colorspace(target));
    let orientation = decoder.exif().map_or(Orientation::NoTransforms, |block| exif::orientation(block));
    let profile = decoder.icc_profile();
    let values = decoder.decode().map_err(|error| Failure::damaged(one_line(&error)))?;
    let no_pixels = || Failure::damaged("it has fewer pixels than its header says");
    let raster = match target {
        ColorSpace::Luma => {
            DynamicImage::from(GrayImage::from_raw(width, height, values).ok_or_else(no_pixels)?).into()
        }
        ColorSpace::RGB => {
            DynamicImage::from(RgbImage::from_raw(width, height, values).ok_or_else(no_pixels)?).into()
        }
        _ => Raster::Cmyk { width, height, values: inks(values, space == ColorSpace::YCCK) },
    };
    Ok(Decoded { orientation, profile, notes, ..Decoded::new(raster) })
}

/// Inks, 0 for none, of what JPEGs for print hold. Adobe's programs, and all that follow them, store light in place of ink; where
/// cyan, magenta and yellow are rotated to luma and chroma, ink again.
fn inks(mut values: Vec<u8>, rotated: bool) -> Vec<u8> {
    for pixel in values.as_chunks_mut::<4>().0 {
        let [c, m, y, k] = pixel.map(|value| 255 - value);
        let [y1, cb, cr, _] = *pixel;
        let [cyan, magenta, yellow] = if rotated { rgb_of([y1, cb, cr]) } else { [c, m, y] };
        *pixel = [cyan, magenta, yellow, k];
    }
    values
}

/// RGB of luma and chroma, as JFIF has it.
pub(super) fn rgb_of(values: [u8; 3]) -> [u8; 3] {
    let [y, cb, cr] = values.map(f32::from);
    let (cb, cr) = (cb - 128.0, cr - 128.0);
    let light = [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb];
    light.map(|value| value.round().clamp(0.0, 255.0) as u8)
}

/// Some messages have several lines.
fn one_line(error: &impl std::fmt::Display) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What the segments before the first scan, and the data behind it, say.
#[derive(Default)]
struct Outline {
    /// Whether an end-of-image marker follows.
    ends: bool,
    progressive: bool,
}

fn outline(data: &[u8]) -> Outline {
    let mut outline = Outline::default();
    let mut at = 2;
    // Segments are skipped by their length, for a thumbnail inside one has an end marker too.
    while let Some(&[0xff, marker]) = data.get(at..at + 2) {
        match marker {
            0xff => at += 1,
            0xda => {
                outline.ends = data[at..].windows(2).any(|pair| pair == END);
                break;
            }
            0x01 | 0xd0..=0xd8 => at += 2,
            _ => {
                outline.progressive |= marker == 0xc2;
                let Some(length) = data.get(at + 2..at + 4) else { break };
                at += 2 + usize::from(u16::from_be_bytes([length[0], length[1]])).max(2);
            }
        }
    }
    outline
}

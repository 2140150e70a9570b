//! From what a file holds to an upright picture of 8-bit sRGB.

use image::{DynamicImage, RgbImage};

use crate::decode::{Decoded, Raster, to_byte};
use crate::icc::{self, Conversion, Meaning, Space};

/// Applies profile, depth, alpha and orientation, in this order; with what is to be said.
pub(crate) fn finish(decoded: Decoded, background: [u8; 3]) -> (RgbImage, Vec<String>) {
    let Decoded { raster, orientation, profile, mut notes } = decoded;
    let space = match &raster {
        Raster::Cmyk { .. } => Space::Cmyk,
        Raster::Light(image) if image.color().has_color() => Space::Rgb,
        Raster::Light(_) => Space::Grey,
    };
    let conversion = match profile.map(|profile| icc::meaning(&profile, space)) {
        Some(Meaning::Conversion(conversion)) => Some(conversion),
        Some(Meaning::Useless(why)) => {
            let taken = if space == Space::Cmyk { "plain inks" } else { "sRGB" };
            notes.push(format!("its colour profile {why}; its values are taken as {taken}"));
            None
        }
        Some(Meaning::Srgb) | None => None,
    };
    let mut picture = match (raster, conversion) {
        (Raster::Light(image), None) => image,
        (Raster::Light(image), Some(conversion)) => converted(&image, space, &conversion),
        (Raster::Cmyk { width, height, values }, conversion) => {
            let values = match conversion {
                Some(conversion) => inks_converted(&values, width as usize, &conversion),
                None => values.as_chunks::<4>().0.iter().flat_map(plain_ink).collect(),
            };
            RgbImage::from_raw(width, height, values).unwrap_or_default().into()
        }
    };
    picture.apply_orientation(orientation);
    let image = match picture {
        DynamicImage::ImageRgb8(image) => image,
        picture if picture.color().has_alpha() => over(&picture, background),
        picture => picture.into_rgb8(),
    };
    (image, notes)
}

/// Light on paper with these inks, if each takes away all of its colour. As Pillow does it.
fn plain_ink(&[c, m, y, k]: &[u8; 4]) -> [u8; 3] {
    let paper = u32::from(255 - k);
    [c, m, y].map(|ink| {
        let product = paper * u32::from(ink) + 128;
        paper.saturating_sub((product + (product >> 8)) >> 8) as u8
    })
}

fn inks_converted(values: &[u8], width: usize, conversion: &Conversion) -> Vec<u8> {
    let mut out = Vec::with_capacity(values.len() / 4 * 3);
    let mut to = vec![0; 3 * width];
    for row in values.chunks_exact(4 * width) {
        let from: Vec<u16> = row.iter().map(|&value| u16::from(value) * 257).collect();
        conversion.row(&from, &mut to);
        out.extend(to.iter().map(|&value| to_byte(value)));
    }
    out
}

/// Light as sRGB of 8 bits, with its alpha.
fn converted(image: &DynamicImage, space: Space, conversion: &Conversion) -> DynamicImage {
    let (width, height) = (image.width(), image.height());
    let alpha = image.color().has_alpha();
    let channels = usize::from(image.color().channel_count());
    let colors = space.channels();
    let row_values = width as usize * channels;
    let mut out = Vec::with_capacity(width as usize * height as usize * if alpha { 4 } else { 3 });
    let mut to = vec![0; 3 * width as usize];
    for y in 0..height as usize {
        let part = y * row_values..(y + 1) * row_values;
        let row = wide(image, part);
        let from: Vec<u16> = row.chunks_exact(channels).flat_map(|pixel| &pixel[..colors]).copied().collect();
        conversion.row(&from, &mut to);
        for (pixel, source) in to.as_chunks::<3>().0.iter().zip(row.chunks_exact(channels)) {
            out.extend(pixel.map(to_byte));
            if alpha {
                out.push(to_byte(source[channels - 1]));
            }
        }
    }
    let made = match alpha {
        true => image::RgbaImage::from_raw(width, height, out).map(DynamicImage::from),
        false => RgbImage::from_raw(width, height, out).map(DynamicImage::from),
    };
    made.unwrap_or_default()
}

/// Some values of a picture, in 16 bits.
fn wide(image: &DynamicImage, part: std::ops::Range<usize>) -> Vec<u16> {
    let bytes = |values: &[u8]| values[part.clone()].iter().map(|&value| u16::from(value) * 257).collect();
    match image {
        DynamicImage::ImageLuma8(image) => bytes(image.as_raw()),
        DynamicImage::ImageLumaA8(image) => bytes(image.as_raw()),
        DynamicImage::ImageRgb8(image) => bytes(image.as_raw()),
        DynamicImage::ImageRgba8(image) => bytes(image.as_raw()),
        DynamicImage::ImageLuma16(image) => image.as_raw()[part].to_vec(),
        DynamicImage::ImageLumaA16(image) => image.as_raw()[part].to_vec(),
        DynamicImage::ImageRgb16(image) => image.as_raw()[part].to_vec(),
        DynamicImage::ImageRgba16(image) => image.as_raw()[part].to_vec(),
        // No decoder gives floats.
        _ => vec![0; part.len()],
    }
}

/// The picture before a background.
fn over(picture: &DynamicImage, background: [u8; 3]) -> RgbImage {
    let source = picture.to_rgba8();
    let blend = |value: u8, behind: u8, alpha: u8| {
        let (value, behind, alpha) = (u32::from(value), u32::from(behind), u32::from(alpha));
        ((value * alpha + behind * (255 - alpha) + 127) / 255) as u8
    };
    RgbImage::from_fn(source.width(), source.height(), |x, y| {
        let [r, g, b, a] = source.get_pixel(x, y).0;
        let [red, green, blue] = background;
        image::Rgb([blend(r, red, a), blend(g, green, a), blend(b, blue, a)])
    })
}

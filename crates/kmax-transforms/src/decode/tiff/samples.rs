//! From the samples of a TIFF to pixels.

use image::{DynamicImage, ImageBuffer, Pixel};
use tiff::ColorType;
use tiff::decoder::DecodingResult;

use crate::decode::jpeg::rgb_of;
use crate::decode::{Failure, Raster, divide, to_byte};

/// Samples as the decoder gives them.
pub(crate) struct Samples {
    pub width: u32,
    pub height: u32,
    pub colors: ColorType,
    /// Planes that follow each other; 1 if the samples of a pixel do.
    pub planes: usize,
    pub values: DecodingResult,
    /// Whether colours were multiplied with alpha.
    pub premultiplied: bool,
    /// Whether the second sample of two is alpha.
    pub grey_alpha: bool,
    /// Red, then green, then blue of each index, 16 bits each.
    pub map: Option<Vec<u16>>,
}

impl Samples {
    pub fn raster(self) -> Result<Raster, Failure> {
        let Self { width, height, colors, planes, values, premultiplied, grey_alpha, map } = self;
        let channels = match colors {
            ColorType::Gray(_) => 1,
            ColorType::Multiband { num_samples: 2, .. } if grey_alpha => 2,
            ColorType::RGB(_) | ColorType::YCbCr(8) => 3,
            ColorType::RGBA(_) | ColorType::CMYK(_) => 4,
            other => return Err(rare(&format!("{other:?}"))),
        };
        let pixels = width as usize * height as usize;
        match values {
            DecodingResult::U8(values) => {
                let mut values = match colors {
                    ColorType::Gray(bits @ 1..8) => unpacked(&values, width as usize, bits, map.is_none()),
                    _ => interleaved(values, planes, pixels),
                };
                if let Some(map) = map {
                    return Ok(DynamicImage::from(buffer::<image::Rgb<u8>>(
                        width,
                        height,
                        mapped(&values, &map)?,
                    )?)
                    .into());
                }
                match colors {
                    ColorType::CMYK(_) => return Ok(Raster::Cmyk { width, height, values }),
                    ColorType::YCbCr(_) => {
                        values.as_chunks_mut::<3>().0.iter_mut().for_each(|pixel| *pixel = rgb_of(*pixel))
                    }
                    _ => {}
                }
                if premultiplied {
                    divide(&mut values, channels, 255);
                }
                Ok(Raster::Light(match channels {
                    1 => DynamicImage::ImageLuma8(buffer(width, height, values)?),
                    2 => DynamicImage::ImageLumaA8(buffer(width, height, values)?),
                    3 => DynamicImage::ImageRgb8(buffer(width, height, values)?),
                    _ => DynamicImage::ImageRgba8(buffer(width, height, values)?),
                }))
            }
            DecodingResult::U16(values) if map.is_none() && colors.bit_depth() == 16 => {
                let mut values = interleaved(values, planes, pixels);
                if let ColorType::CMYK(_) = colors {
                    let values = values.iter().map(|&value| to_byte(value)).collect();
                    return Ok(Raster::Cmyk { width, height, values });
                }
                if premultiplied {
                    divide(&mut values, channels, 65_535);
                }
                Ok(Raster::Light(match channels {
                    1 => DynamicImage::ImageLuma16(buffer(width, height, values)?),
                    2 => DynamicImage::ImageLumaA16(buffer(width, height, values)?),
                    3 => DynamicImage::ImageRgb16(buffer(width, height, values)?),
                    _ => DynamicImage::ImageRgba16(buffer(width, height, values)?),
                }))
            }
            _ => Err(rare("values that are no whole numbers of up to 16 bits")),
        }
    }
}

fn rare(what: &str) -> Failure {
    Failure::Unread(
        format!("a TIFF of a rare form ({what})"),
        "convert it to one of 8 or 16 bits, grey or RGB".into(),
    )
}

fn buffer<P: Pixel>(
    width: u32,
    height: u32,
    values: Vec<P::Subpixel>,
) -> Result<ImageBuffer<P, Vec<P::Subpixel>>, Failure> {
    ImageBuffer::from_raw(width, height, values)
        .ok_or_else(|| Failure::damaged("it has fewer pixels than its header says"))
}

/// Rows of values of fewer than eight bits, the first in the highest, each row in whole bytes; spread over 0..=255 if wanted.
fn unpacked(rows: &[u8], width: usize, bits: u8, spread: bool) -> Vec<u8> {
    let bits = usize::from(bits);
    let most = (1u16 << bits) - 1;
    let value = move |row: &[u8], x: usize| {
        let (at, shift) = (x * bits / 8, x * bits % 8);
        // A value of, say, three bits may lie in two bytes.
        let pair = u16::from(row[at]) << 8 | u16::from(row.get(at + 1).copied().unwrap_or(0));
        let value = pair >> (16 - bits - shift) & most;
        if spread { (value * 255 / most) as u8 } else { value as u8 }
    };
    rows.chunks_exact((width * bits).div_ceil(8))
        .flat_map(|row| (0..width).map(move |x| value(row, x)))
        .collect()
}

/// Planes made into pixels.
fn interleaved<T: Copy>(values: Vec<T>, planes: usize, pixels: usize) -> Vec<T> {
    if planes < 2 {
        return values;
    }
    (0..pixels).flat_map(|at| values.iter().skip(at).step_by(pixels).take(planes).copied()).collect()
}

/// The colours of indices. As Pillow does it, the upper half of their 16 bits.
fn mapped(indices: &[u8], map: &[u16]) -> Result<Vec<u8>, Failure> {
    let colors = map.len() / 3;
    let mut values = Vec::with_capacity(3 * indices.len());
    for &index in indices {
        let index = usize::from(index);
        if index >= colors {
            return Err(Failure::damaged(format!("a pixel has the colour {index} of {colors}")));
        }
        values.extend([0, 1, 2].map(|channel| (map[channel * colors + index] >> 8) as u8));
    }
    Ok(values)
}

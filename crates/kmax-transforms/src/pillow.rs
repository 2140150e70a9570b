//! Pillow's resizes of 8-bit images, which detectron2 (and so the PyTorch implementation) uses, in Pillow's own integer arithmetic.

use image::RgbImage;
use kmax_masks::LabelMap;

use crate::error::{Error, Result};
use crate::resample::{self, Window};

/// The fraction bits of a weight.
const BITS: u32 = 22;

/// The first source pixel and the integer weights of each output pixel.
fn weights(source: usize, target: usize) -> Vec<(usize, Vec<i32>)> {
    let scale = source as f64 / target as f64;
    let support = scale.max(1.0);
    let inverse = 1.0 / support;
    (0..target)
        .map(|out| {
            let center = (out as f64 + 0.5) * scale;
            let first = (center - support + 0.5).max(0.0) as usize;
            let end = ((center + support + 0.5) as usize).min(source);
            let raw: Vec<f64> = (first..end)
                .map(|pixel| (1.0 - ((pixel as f64 - center + 0.5) * inverse).abs()).max(0.0))
                .collect();
            let sum: f64 = raw.iter().sum();
            let fixed = |weight: &f64| (0.5 + weight / sum * f64::from(1u32 << BITS)) as i32;
            (first, raw.iter().map(fixed).collect())
        })
        .collect()
}

/// What is added before a sum of weighted values is cut to whole ones.
const HALF: i32 = 1 << (BITS - 1);

fn add(sums: &mut [i32], values: &[u8], weight: i32) {
    sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += i32::from(*value) * weight);
}

fn cut(sum: i32) -> u8 {
    (sum >> BITS).clamp(0, 255) as u8
}

/// `Image.resize((width, height), BILINEAR)`.
///
/// # Errors
/// If height or width is 0 or the result is too large.
pub fn bilinear(image: &RgbImage, [height, width]: [usize; 2]) -> Result<RgbImage> {
    let (w, h) = (image.width() as usize, image.height() as usize);
    let pixels = width.checked_mul(height).filter(|pixels| (1..=kmax_masks::MAX_PIXELS).contains(pixels));
    if pixels.is_none() || w == 0 || h == 0 {
        let reason = format!("{w} x {h} pixels are not resized to {width} x {height}");
        return Err(Error::setting("size", reason));
    }
    let source = image.as_raw();
    // Along x first, rounded to 8 bits; a width or height that stays is not touched.
    let narrow: Vec<u8> = if w == width {
        source.clone()
    } else {
        let columns = weights(w, width);
        let mut out = Vec::with_capacity(h * width * 3);
        for row in source.chunks_exact(w * 3) {
            for (first, weights) in &columns {
                let mut sums = [HALF; 3];
                for (pixel, weight) in row[first * 3..].as_chunks::<3>().0.iter().zip(weights) {
                    add(&mut sums, pixel, *weight);
                }
                out.extend(sums.map(cut));
            }
        }
        out
    };
    let whole = if h == height {
        narrow
    } else {
        let mut out = Vec::with_capacity(height * width * 3);
        // Row by row, whose values lie side by side.
        let mut sums = vec![HALF; width * 3];
        for (first, weights) in weights(h, height) {
            sums.fill(HALF);
            for (row, weight) in narrow.chunks_exact(width * 3).skip(first).zip(&weights) {
                add(&mut sums, row, *weight);
            }
            out.extend(sums.iter().map(|sum| cut(*sum)));
        }
        out
    };
    RgbImage::from_raw(width as u32, height as u32, whole)
        .ok_or_else(|| Error::setting("size", format!("{width} x {height} pixels are too many")))
}

/// `Image.resize((width, height), NEAREST)`.
///
/// # Errors
/// If height or width is 0 or the result is too large.
pub fn nearest(map: &LabelMap, [height, width]: [usize; 2]) -> Result<LabelMap> {
    if width == 0 || height == 0 || width.checked_mul(height).is_none_or(|n| n > kmax_masks::MAX_PIXELS) {
        return Err(Error::setting("size", format!("a map is not resized to {width} x {height} pixels")));
    }
    let whole = |length| Window { resized: length, start: 0, len: length };
    LabelMap::new(width, height, resample::nearest(map, whole(width), whole(height)))
        .map_err(|error| Error::setting("size", error.to_string()))
}

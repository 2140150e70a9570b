//! Resizing with aligned corners, as TensorFlow does it: nothing is averaged where an image shrinks.
//!
//! deeplab2's transforms use it, and post-processing, which brings maps back to the size of the image.

use image::RgbImage;
use kmax_masks::LabelMap;

use crate::error::{Error, Result};
use crate::planar::Planar;

/// The distance between source positions of neighbouring output pixels.
fn step(source: usize, target: usize) -> f32 {
    if target > 1 { (source - 1) as f32 / (target - 1) as f32 } else { source as f32 / target as f32 }
}

/// The two source pixels of each output pixel and the share of the second.
fn pairs(source: usize, target: usize) -> Vec<(usize, usize, f32)> {
    let step = step(source, target);
    (0..target)
        .map(|out| {
            let position = out as f32 * step;
            let lower = (position.floor() as usize).min(source - 1);
            (lower, (lower + 1).min(source - 1), position - position.floor())
        })
        .collect()
}

/// Resizes bilinearly to `[height, width]`; values are not rounded.
///
/// # Errors
/// If height or width is 0 or the result is too large.
pub fn bilinear(image: &Planar, [height, width]: [usize; 2]) -> Result<Planar> {
    let mut out = Planar::filled(width, height, 0.0)?;
    if image.width == 0 || image.height == 0 {
        return Err(Error::setting("image", "it has no pixels"));
    }
    if [image.height, image.width] == [height, width] {
        return Ok(image.clone());
    }
    let (columns, rows) = (pairs(image.width, width), pairs(image.height, height));
    for (from, to) in image.planes().zip(out.data.chunks_exact_mut(width * height)) {
        for (&(upper, lower, down), to) in rows.iter().zip(to.chunks_exact_mut(width)) {
            let (upper, lower) = (&from[upper * image.width..], &from[lower * image.width..]);
            for (&(left, right, across), value) in columns.iter().zip(to) {
                let top = upper[left] + (upper[right] - upper[left]) * across;
                let bottom = lower[left] + (lower[right] - lower[left]) * across;
                *value = top + (bottom - top) * down;
            }
        }
    }
    Ok(out)
}

/// As [`bilinear`], from an image, of which no larger copy is made: it may have hundreds of megapixels.
///
/// # Errors
/// As [`bilinear`].
pub fn bilinear_rgb(image: &RgbImage, [height, width]: [usize; 2]) -> Result<Planar> {
    let mut out = Planar::filled(width, height, 0.0)?;
    let (w, h) = (image.width() as usize, image.height() as usize);
    if w == 0 || h == 0 {
        return Err(Error::setting("image", "it has no pixels"));
    }
    let (pixels, _) = image.as_raw().as_chunks::<3>();
    let (columns, rows) = (pairs(w, width), pairs(h, height));
    for (channel, plane) in out.data.chunks_exact_mut(width * height).enumerate() {
        for (&(upper, lower, down), to) in rows.iter().zip(plane.chunks_exact_mut(width)) {
            let (upper, lower) = (&pixels[upper * w..][..w], &pixels[lower * w..][..w]);
            let across = |row: &[[u8; 3]], left: usize, right: usize, share: f32| {
                let (left, right) = (f32::from(row[left][channel]), f32::from(row[right][channel]));
                left + (right - left) * share
            };
            for (&(left, right, share), value) in columns.iter().zip(to) {
                let (top, bottom) = (across(upper, left, right, share), across(lower, left, right, share));
                *value = top + (bottom - top) * down;
            }
        }
    }
    Ok(out)
}

/// Resizes to `[height, width]` by nearest pixel; halves go up.
///
/// # Errors
/// If height or width is 0 or the result is too large.
pub fn nearest(map: &LabelMap, [height, width]: [usize; 2]) -> Result<LabelMap> {
    if map.data().is_empty() || height == 0 || width == 0 {
        return Err(Error::setting("size", format!("a map is not resized to {width} x {height} pixels")));
    }
    let picks = |source: usize, target: usize| -> Vec<usize> {
        let step = step(source, target);
        (0..target).map(|out| ((out as f32 * step).round() as usize).min(source - 1)).collect()
    };
    let mut out =
        LabelMap::filled(width, height, 0).map_err(|error| Error::setting("size", error.to_string()))?;
    let (columns, rows) = (picks(map.width(), width), picks(map.height(), height));
    for (row, out) in rows.iter().zip(out.data_mut().chunks_exact_mut(width)) {
        let line = &map.data()[row * map.width()..(row + 1) * map.width()];
        out.iter_mut().zip(&columns).for_each(|(id, &column)| *id = line[column]);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_stay_and_the_middle_is_between() -> Result<()> {
        let data = (0..3).flat_map(|c| [0.0, 10.0, 20.0, 30.0].map(|v| v + c as f32)).collect();
        let image = Planar { width: 2, height: 2, data };
        let large = bilinear(&image, [3, 5])?;
        assert_eq!((large.get(0, 0), large.get(4, 2)), (image.get(0, 0), image.get(1, 1)));
        assert_eq!(large.get(2, 1), Some([15.0, 16.0, 17.0]));
        assert_eq!(bilinear(&large, [2, 2])?, image);
        assert_eq!(bilinear(&image, [1, 1])?.get(0, 0), image.get(0, 0));
        Ok(())
    }

    #[test]
    fn an_rgb_image_gives_what_its_planes_give() -> Result<()> {
        let image =
            RgbImage::from_fn(9, 5, |x, y| image::Rgb([(x * 20) as u8, (y * 50) as u8, (x * y) as u8]));
        for size in [[5, 9], [13, 4], [1, 30], [40, 40]] {
            assert_eq!(bilinear_rgb(&image, size)?, bilinear(&Planar::from_rgb(&image), size)?);
        }
        assert!(bilinear_rgb(&RgbImage::new(0, 0), [2, 2]).is_err());
        Ok(())
    }

    #[test]
    fn halves_go_up() -> Result<()> {
        let map = LabelMap::new(2, 1, vec![5, 6]).expect("2 x 1");
        assert_eq!(nearest(&map, [1, 3])?.data(), [5, 6, 6]);
        assert_eq!(nearest(&map, [2, 2])?.data(), [5, 6, 5, 6]);
        assert!(nearest(&map, [0, 2]).is_err() && nearest(&map, [1 << 20, 1 << 20]).is_err());
        Ok(())
    }
}

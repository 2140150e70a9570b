//! TensorFlow's resizes with aligned corners, which do not average where an image shrinks.

use kmax_masks::LabelMap;

use crate::transforms::planar::Planar;
use crate::{Error, Result};

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
/// If a side is 0 or the result is too large.
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

/// Resizes to `[height, width]` by nearest pixel; halves go up.
///
/// # Errors
/// If a side is 0 or the result is too large.
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
    fn halves_go_up() -> Result<()> {
        let map = LabelMap::new(2, 1, vec![5, 6]).expect("2 x 1");
        assert_eq!(nearest(&map, [1, 3])?.data(), [5, 6, 6]);
        assert_eq!(nearest(&map, [2, 2])?.data(), [5, 6, 5, 6]);
        assert!(nearest(&map, [0, 2]).is_err() && nearest(&map, [1 << 20, 1 << 20]).is_err());
        Ok(())
    }
}

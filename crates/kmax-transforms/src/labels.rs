//! Padding, cropping and mirroring of maps, as [`Planar`](crate::planar::Planar) does it to images.

use kmax_masks::LabelMap;

use crate::error::{Error, Result};

/// The map `top` rows down and `left` columns in a larger one of `value`.
///
/// # Errors
/// If it does not fit.
pub fn padded(
    map: &LabelMap,
    [height, width]: [usize; 2],
    [top, left]: [usize; 2],
    value: u32,
) -> Result<LabelMap> {
    let (w, h) = (map.width(), map.height());
    if h + top > height || w + left > width {
        let reason = format!("{w} x {h} at ({left}, {top}) does not fit {width} x {height} pixels");
        return Err(Error::setting("size", reason));
    }
    let mut out =
        LabelMap::filled(width, height, value).map_err(|error| Error::setting("size", error.to_string()))?;
    for (from, to) in map.rows().zip(out.data_mut().chunks_exact_mut(width.max(1)).skip(top)) {
        to[left..left + w].copy_from_slice(from);
    }
    Ok(out)
}

/// The part of `height` rows and `width` columns from (`top`, `left`) on.
///
/// # Errors
/// If it reaches beyond the map.
pub fn cropped(map: &LabelMap, [height, width]: [usize; 2], [top, left]: [usize; 2]) -> Result<LabelMap> {
    let (w, h) = (map.width(), map.height());
    if height + top > h || width + left > w {
        let reason = format!("{width} x {height} at ({left}, {top}) reaches beyond {w} x {h} pixels");
        return Err(Error::setting("crop", reason));
    }
    let rows = map.rows().skip(top).take(height);
    let data = rows.flat_map(|row| row[left..left + width].iter().copied()).collect();
    LabelMap::new(width, height, data).map_err(|error| Error::setting("crop", error.to_string()))
}

/// Mirrors left and right in place.
pub fn flip(map: &mut LabelMap) {
    let width = map.width().max(1);
    map.data_mut().chunks_exact_mut(width).for_each(<[u32]>::reverse);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_and_cropping_are_inverse() -> Result<()> {
        let map = LabelMap::new(3, 2, vec![1, 2, 3, 4, 5, 6]).expect("3 x 2");
        let large = padded(&map, [4, 5], [2, 1], 9)?;
        assert_eq!(large.data()[10..], [9, 1, 2, 3, 9, 9, 4, 5, 6, 9]);
        assert_eq!(cropped(&large, [2, 3], [2, 1])?, map);
        let mut mirrored = map.clone();
        flip(&mut mirrored);
        assert_eq!(mirrored.data(), [3, 2, 1, 6, 5, 4]);
        assert!(padded(&map, [2, 3], [0, 1], 0).is_err() && cropped(&map, [2, 3], [1, 0]).is_err());
        Ok(())
    }
}

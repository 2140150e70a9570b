//! The size that deeplab2 gives an image (`resize_to_range`), and the sizes that a crop may have.

use crate::error::{Error, Result};

/// The largest height or width of a crop, in pixels.
const MAX_LENGTH: usize = 16_384;

/// `Ok` if examples of this height and width can be made.
pub(crate) fn check_crop(crop: [usize; 2]) -> Result<()> {
    if crop.iter().all(|length| (1..=MAX_LENGTH).contains(length)) {
        return Ok(());
    }
    let reason = format!("height and width lie between 1 and {MAX_LENGTH}, found {crop:?}");
    Err(Error::setting("crop", reason))
}

/// Height and width after `floor(length * factor)`, which deeplab2 computes in float32.
fn scaled([height, width]: [usize; 2], factor: f64) -> [usize; 2] {
    [height, width].map(|length| (length as f32 * factor as f32).floor() as usize)
}

/// The size `[height, width]` of an image of `size` after `resize_to_range`.
///
/// The image is first scaled so that height and width are at least `min`, then, if it is too large, so that both are
/// at most `max`. Both steps round down in float32, so that a length may end one short. With `factor`, lengths become a
/// multiple of it plus one.
pub fn resize_to_range(
    size: [usize; 2],
    min: Option<[usize; 2]>,
    max: Option<[usize; 2]>,
    factor: Option<usize>,
) -> [usize; 2] {
    let ratio = |target: usize, length: usize| target as f64 / length.max(1) as f64;
    let mut out = size;
    if let Some(min) = min {
        out = scaled(out, ratio(min[0], out[0]).max(ratio(min[1], out[1])));
    }
    let factor = factor.filter(|&factor| factor > 0);
    if let Some(max) = max {
        let max = max.map(|most| factor.map_or(most, |factor| most - most.saturating_sub(1) % factor));
        out = scaled(out, ratio(max[0], out[0]).min(ratio(max[1], out[1])).min(1.0));
    }
    match factor {
        Some(factor) => out.map(|length| length + (factor - length.saturating_sub(1) % factor) % factor),
        None => out,
    }
}

/// The size after random scaling by `scale`, rounded down in float32.
pub fn randomly_scaled(size: [usize; 2], scale: f32) -> [usize; 2] {
    size.map(|length| (length as f32 * scale) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_may_end_one_short_and_factors_add_one() {
        let to = |size, most: usize| resize_to_range(size, Some([most; 2]), Some([most; 2]), None);
        assert_eq!(to([480, 640], 641), [481, 641]);
        assert_eq!(to([1281, 1281], 641), [640, 640]);
        let factor = resize_to_range([480, 640], Some([641; 2]), Some([641; 2]), Some(32));
        assert!(factor.iter().all(|length| length % 32 == 1 && *length <= 641), "{factor:?}");
        assert_eq!(resize_to_range([200, 300], None, Some([129, 257]), None), [129, 193]);
        assert_eq!(randomly_scaled([33, 47], 0.3), [9, 14]);
    }
}

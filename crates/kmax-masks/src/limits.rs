//! How large a map may be.

use crate::error::{Error, Result};

/// The most pixels that a map or a mask may have (a square of 20,000).
pub const MAX_PIXELS: usize = 400_000_000;

/// `Ok` if `width * height` is at most [`MAX_PIXELS`]; gives the product.
pub(crate) fn checked_pixels(width: usize, height: usize) -> Result<usize> {
    match width.checked_mul(height) {
        Some(pixels) if pixels <= MAX_PIXELS => Ok(pixels),
        _ => Err(Error::TooLarge { width, height, most: MAX_PIXELS }),
    }
}

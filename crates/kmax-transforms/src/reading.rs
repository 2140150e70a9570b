//! How images are read.

use crate::error::MAX_PIXELS;

/// How images are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reading {
    /// What shows behind transparent pixels, as RGB; white if not set.
    pub background: [u8; 3],
    /// The most pixels, by the file's header and before it is decoded: [`MAX_PIXELS`] if not set, and never more.
    pub pixels: u64,
    /// Bytes of memory that are free, if that is to be asked about: an image that would need more is an error before it is
    /// decoded. Not asked if not set.
    pub memory: Option<u64>,
    /// Bytes that will be needed besides the image itself, for the question of memory: for each of its pixels.
    pub bytes_per_pixel: u64,
    /// The same, whatever its size.
    pub bytes: u64,
}

impl Default for Reading {
    fn default() -> Self {
        Self { background: [255; 3], pixels: MAX_PIXELS, memory: None, bytes_per_pixel: 0, bytes: 0 }
    }
}

impl Reading {
    /// With another colour behind transparent pixels.
    #[must_use]
    pub fn with_background(self, background: [u8; 3]) -> Self {
        Self { background, ..self }
    }

    /// With so many pixels at most.
    #[must_use]
    pub fn with_pixels(self, pixels: u64) -> Self {
        Self { pixels: pixels.min(MAX_PIXELS), ..self }
    }

    /// With so many bytes of memory that are free, of which the caller will need some for each pixel, and some in any case.
    #[must_use]
    pub fn with_memory(self, free: u64, bytes_per_pixel: u64, bytes: u64) -> Self {
        Self { memory: Some(free), bytes_per_pixel, bytes, ..self }
    }
}

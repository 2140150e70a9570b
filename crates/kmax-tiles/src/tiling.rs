//! How an image is cut.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// Square tiles of an image, and how far neighbours overlap, in pixels of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub struct Tiling {
    /// Width and height of a tile.
    pub size: u32,
    /// What two neighbours both see, at least; at most a third of the size.
    pub overlap: u32,
}

/// The smallest tile, in pixels.
pub const SMALLEST: u32 = 16;
/// The largest.
pub const LARGEST: u32 = 16_384;

/// As files have it: without an overlap it is that of [`Tiling::of`].
#[derive(Deserialize)]
#[serde(rename = "tiles")]
struct Stored {
    size: u32,
    overlap: Option<u32>,
}

impl From<Stored> for Tiling {
    fn from(Stored { size, overlap }: Stored) -> Self {
        let usual = Self::of(size);
        Self { overlap: overlap.unwrap_or(usual.overlap), ..usual }
    }
}

impl Tiling {
    /// Tiles that overlap by an eighth.
    pub fn of(size: u32) -> Self {
        Self { size, overlap: size / 8 }
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// [`Error::Setting`], saying what was expected.
    pub fn check(self) -> Result<()> {
        let Self { size, overlap } = self;
        if !(SMALLEST..=LARGEST).contains(&size) {
            return Err(Error::Setting(format!("their size is {SMALLEST} to {LARGEST} pixels, not {size}")));
        }
        // A pixel then is seen by two tiles along each side, and by no third.
        if overlap > size / 3 {
            let most = size / 3;
            return Err(Error::Setting(format!(
                "those of {size} pixels overlap by {most} at most, not {overlap}"
            )));
        }
        Ok(())
    }

    /// Whether an image does not fit into one tile.
    pub fn cuts(self, width: u32, height: u32) -> bool {
        width.max(height) > self.size
    }

    /// Whether an image is so much larger than a tile that it should be cut where nobody asked for it: by half.
    pub fn suits(self, width: u32, height: u32) -> bool {
        u64::from(width.max(height)) * 2 > u64::from(self.size) * 3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_refused() {
        let refused = |size, overlap| Tiling { size, overlap }.check().err().map(|error| error.to_string());
        assert_eq!(refused(96, 32), None);
        assert_eq!(refused(96, 0), None);
        assert_eq!(
            refused(96, 33).as_deref(),
            Some("tiles: those of 96 pixels overlap by 32 at most, not 33")
        );
        assert_eq!(refused(15, 0).as_deref(), Some("tiles: their size is 16 to 16384 pixels, not 15"));
        assert!(refused(0, 0).is_some() && refused(u32::MAX, 1).is_some());
    }

    #[test]
    fn tiles_of_an_image_are_listed_row_by_row() {
        let tiling = Tiling { size: 64, overlap: 0 };
        assert_eq!(
            tiling.of_image(100, 70),
            [(0..64, 0..64), (36..100, 0..64), (0..64, 6..70), (36..100, 6..70)]
        );
        assert_eq!(tiling.of_image(20, 64), [(0..20, 0..64)]);
        assert_eq!(Tiling { size: 64, overlap: 60 }.of_image(100, 70), []);
    }

    #[test]
    fn only_much_larger_images_are_cut_unasked() {
        let tiling = Tiling::of(256);
        assert_eq!(tiling.overlap, 32);
        assert!(!tiling.cuts(256, 256) && tiling.cuts(257, 3));
        assert!(!tiling.suits(384, 300) && tiling.suits(300, 385));
    }
}

//! Rectangles of a picture, and which of them are free.

use image::RgbImage;

/// A rectangle of the picture, right and bottom not included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    pub left: i64,
    pub top: i64,
    pub right: i64,
    pub bottom: i64,
}

impl Place {
    /// Of that size around a centre, moved into the picture.
    pub fn around(x: f32, y: f32, [width, height]: [usize; 2], picture: &RgbImage) -> Self {
        let begin = |centre: f32, length: usize, whole: u32| {
            let most = (i64::from(whole) - length as i64).max(0);
            ((centre - length as f32 / 2.0).round() as i64).clamp(0, most)
        };
        let (left, top) = (begin(x, width, picture.width()), begin(y, height, picture.height()));
        Self { left, top, right: left + width as i64, bottom: top + height as i64 }
    }

    /// Whether the two have a pixel in common.
    pub fn meets(&self, other: &Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }

    /// Whether none of `taken` meets it.
    pub fn is_free(&self, taken: &[Self]) -> bool {
        !taken.iter().any(|other| self.meets(other))
    }

    /// Whether all of it lies in the picture.
    pub fn fits(&self, picture: &RgbImage) -> bool {
        self.right <= i64::from(picture.width()) && self.bottom <= i64::from(picture.height())
    }

    /// The point of it nearest to another.
    pub fn nearest(&self, x: f32, y: f32) -> (f32, f32) {
        (x.clamp(self.left as f32, self.right as f32), y.clamp(self.top as f32, self.bottom as f32))
    }
}

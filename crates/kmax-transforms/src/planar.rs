//! Images as networks take them.

use image::RgbImage;

use crate::error::{Error, Result};

/// The value of padding, which normalisation turns into 0 (both reference implementations use mean 127.5).
pub const PAD: f32 = 127.5;

/// Three planes (red, green, blue) of `height` rows of `width` values in 0..255.
#[derive(Clone, Debug, PartialEq)]
pub struct Planar {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// The planes, one after the other.
    pub data: Vec<f32>,
}

impl Planar {
    /// An image of one value.
    ///
    /// # Errors
    /// If height or width is 0 or there are more than [`kmax_masks::MAX_PIXELS`].
    pub fn filled(width: usize, height: usize, value: f32) -> Result<Self> {
        match width.checked_mul(height) {
            Some(pixels) if (1..=kmax_masks::MAX_PIXELS).contains(&pixels) => {
                Ok(Self { width, height, data: vec![value; 3 * pixels] })
            }
            _ => Err(Error::setting("size", format!("an image of {width} x {height} pixels is not made"))),
        }
    }

    /// The values of an image.
    pub fn from_rgb(image: &RgbImage) -> Self {
        let (pixels, _) = image.as_raw().as_chunks::<3>();
        let data =
            (0..3).flat_map(|channel| pixels.iter().map(move |pixel| f32::from(pixel[channel]))).collect();
        Self { width: image.width() as usize, height: image.height() as usize, data }
    }

    /// The image, with fractions cut off.
    pub fn to_rgb(&self) -> RgbImage {
        let pixels = self.width * self.height;
        RgbImage::from_fn(self.width as u32, self.height as u32, |x, y| {
            let at = y as usize * self.width + x as usize;
            image::Rgb([0, 1, 2].map(|channel| self.data[channel * pixels + at] as u8))
        })
    }

    /// The three planes.
    pub fn planes(&self) -> impl Iterator<Item = &[f32]> {
        self.data.chunks_exact((self.width * self.height).max(1))
    }

    /// Red, green and blue at column `x` of row `y`, or `None` outside.
    pub fn get(&self, x: usize, y: usize) -> Option<[f32; 3]> {
        let pixels = self.width * self.height;
        let inside = x < self.width && y < self.height;
        inside.then(|| [0, 1, 2].map(|channel| self.data[channel * pixels + y * self.width + x]))
    }

    /// The image in the upper left corner of a larger one, `top` rows down and `left` columns in.
    ///
    /// # Errors
    /// If it does not fit.
    pub fn padded(&self, [height, width]: [usize; 2], [top, left]: [usize; 2], value: f32) -> Result<Self> {
        if self.height + top > height || self.width + left > width {
            let shown = format!("{} x {} at ({left}, {top})", self.width, self.height);
            return Err(Error::setting("size", format!("{shown} does not fit {width} x {height} pixels")));
        }
        let mut out = Self::filled(width, height, value)?;
        for (from, to) in self.planes().zip(out.data.chunks_exact_mut(width * height)) {
            for (from, to) in from.chunks_exact(self.width).zip(to.chunks_exact_mut(width).skip(top)) {
                to[left..left + self.width].copy_from_slice(from);
            }
        }
        Ok(out)
    }

    /// The part of `height` rows and `width` columns from (`top`, `left`) on.
    ///
    /// # Errors
    /// If it reaches beyond the image.
    pub fn cropped(&self, [height, width]: [usize; 2], [top, left]: [usize; 2]) -> Result<Self> {
        if height + top > self.height || width + left > self.width {
            let shown = format!("{width} x {height} at ({left}, {top})");
            let whole = format!("{} x {}", self.width, self.height);
            return Err(Error::setting("crop", format!("{shown} reaches beyond {whole} pixels")));
        }
        let mut data = Vec::with_capacity(3 * width * height);
        for plane in self.planes() {
            for row in plane.chunks_exact(self.width).skip(top).take(height) {
                data.extend_from_slice(&row[left..left + width]);
            }
        }
        Ok(Self { width, height, data })
    }

    /// Mirrors left and right in place.
    pub fn flip(&mut self) {
        self.data.chunks_exact_mut(self.width.max(1)).for_each(<[f32]>::reverse);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_and_cropping_are_inverse() -> Result<()> {
        let image = RgbImage::from_fn(3, 2, |x, y| image::Rgb([x as u8, y as u8, 7]));
        let planar = Planar::from_rgb(&image);
        assert_eq!(planar.get(2, 1), Some([2.0, 1.0, 7.0]));
        let padded = planar.padded([5, 6], [1, 2], 9.0)?;
        assert_eq!(
            (padded.get(4, 2), padded.get(5, 2), padded.get(0, 5)),
            (planar.get(2, 1), Some([9.0; 3]), None)
        );
        assert_eq!(padded.cropped([2, 3], [1, 2])?, planar);
        assert_eq!(planar.to_rgb(), image);
        let mut mirrored = planar.clone();
        mirrored.flip();
        assert_eq!(mirrored.get(0, 1), planar.get(2, 1));
        assert!(planar.padded([2, 3], [1, 0], 0.0).is_err() && planar.cropped([2, 3], [0, 1]).is_err());
        assert!(Planar::filled(usize::MAX, 2, 0.0).is_err());
        Ok(())
    }
}

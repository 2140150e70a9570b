//! From a photo to the input of a network that is not being trained, in the ways of both originals.

use image::RgbImage;
use kmax_masks::LabelMap;

use super::deeplab2::{resize, size};
use super::pillow;
use super::planar::Planar;
use crate::{Error, Result};

/// The value of padding, which normalisation turns into 0 (both originals use mean 127.5).
pub const PAD: f32 = 127.5;

/// A photo, resized and padded.
#[derive(Clone, Debug, PartialEq)]
pub struct EvalInput {
    /// The input in 0..255, not normalised.
    pub image: Planar,
    /// The rows from the top that show the photo.
    pub content_height: usize,
    /// The columns from the left that show the photo.
    pub content_width: usize,
}

/// deeplab2's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deeplab2Eval {
    /// Height and width of the network's input.
    pub crop: [usize; 2],
    /// The smallest sides of the resized photo (`min_resize_value`).
    pub min: Option<[usize; 2]>,
    /// The largest sides of the resized photo (`max_resize_value`); the crop if there is none.
    pub max: Option<[usize; 2]>,
}

impl Deeplab2Eval {
    /// A square input which the photo fills as far as it can (COCO, ADE20K).
    pub fn square(side: usize) -> Self {
        Self { crop: [side; 2], min: Some([side; 2]), max: Some([side; 2]) }
    }

    /// An input which photos are shrunk to but not enlarged to (Cityscapes: `[1025, 2049]`).
    pub fn within(crop: [usize; 2]) -> Self {
        Self { crop, min: None, max: None }
    }

    fn resized(&self, height: usize, width: usize) -> Result<[usize; 2]> {
        let max = self.max.unwrap_or(self.crop);
        if max[0] > self.crop[0] || max[1] > self.crop[1] {
            let reason = format!("{max:?} is more than the crop of {:?} (height, width)", self.crop);
            return Err(Error::setting("max", reason));
        }
        let resized = size::resize_to_range([height, width], self.min, Some(max), None);
        Ok(at_least_a_pixel(resized, [height, width]))
    }
}

/// Keeps a pixel of the thinnest photos, whose shorter side rounds down to 0 and which both originals refuse.
fn at_least_a_pixel(resized: [usize; 2], photo: [usize; 2]) -> [usize; 2] {
    [0, 1].map(|side| resized[side].max(photo[side].min(1)))
}

/// deeplab2's `preprocess_image_and_label` without training: bilinear with aligned corners, not rounded, padded at
/// the bottom and on the right with [`PAD`].
///
/// # Errors
/// If the photo has no pixels or the settings contradict each other.
pub fn deeplab2(image: &RgbImage, settings: &Deeplab2Eval) -> Result<EvalInput> {
    let resized = settings.resized(image.height() as usize, image.width() as usize)?;
    let content = resize::bilinear_photo(image, resized)?;
    let image = content.padded(settings.crop, [0, 0], PAD)?;
    Ok(EvalInput { image, content_height: resized[0], content_width: resized[1] })
}

/// The labels that belong to [`deeplab2`]: nearest pixel, padded with `pad`.
///
/// # Errors
/// As [`deeplab2`].
pub fn deeplab2_labels(labels: &LabelMap, settings: &Deeplab2Eval, pad: u32) -> Result<LabelMap> {
    let resized = settings.resized(labels.height(), labels.width())?;
    let content = resize::nearest(labels, resized)?;
    super::labels::padded(&content, settings.crop, [0, 0], pad)
}

/// The port's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortEval {
    /// Height and width of the network's input (`INPUT.IMAGE_SIZE`).
    pub input: [usize; 2],
    /// The shorter side of the resized photo (`INPUT.MIN_SIZE_TEST`).
    pub shortest: usize,
    /// The largest side of the resized photo (`INPUT.MAX_SIZE_TEST`).
    pub longest: usize,
}

impl PortEval {
    /// A square input whose side the longer side of the photo takes (COCO, ADE20K).
    pub fn square(side: usize) -> Self {
        Self { input: [side; 2], shortest: side, longest: side }
    }

    /// `[height, width]` after detectron2's `ResizeShortestEdge`.
    pub fn resized(&self, height: usize, width: usize) -> [usize; 2] {
        let (h, w) = (height as f64, width as f64);
        let scale = self.shortest as f64 / h.min(w);
        let (mut h, mut w) =
            if h < w { (self.shortest as f64, scale * w) } else { (scale * h, self.shortest as f64) };
        if h.max(w) > self.longest as f64 {
            let scale = self.longest as f64 / h.max(w);
            (h, w) = (h * scale, w * scale);
        }
        at_least_a_pixel([h, w].map(|side| (side + 0.5) as usize), [height, width])
    }
}

/// The port's input: Pillow's bilinear resize to 8-bit values, then [`PAD`] at the bottom and on the right.
///
/// # Errors
/// If the photo has no pixels or does not fit the input.
pub fn port(image: &RgbImage, settings: &PortEval) -> Result<EvalInput> {
    if image.width() == 0 || image.height() == 0 {
        return Err(Error::setting("image", "it has no pixels"));
    }
    let resized = settings.resized(image.height() as usize, image.width() as usize);
    let content = Planar::from_rgb(&pillow::bilinear(image, resized)?);
    let image = content.padded(settings.input, [0, 0], PAD)?;
    Ok(EvalInput { image, content_height: resized[0], content_width: resized[1] })
}

/// An input as large as the photo's shape asks for, which few pixels of padding are added to.
///
/// # Errors
/// If the photo has no pixels or `longest` is not `32 k + 1`.
pub fn fit(image: &RgbImage, longest: usize) -> Result<EvalInput> {
    if longest % 32 != 1 {
        return Err(Error::setting("longest", format!("must be a multiple of 32, plus 1, not {longest}")));
    }
    if image.width() == 0 || image.height() == 0 {
        return Err(Error::setting("image", "it has no pixels"));
    }
    let sides = [image.height() as usize, image.width() as usize];
    let scale = longest as f64 / sides[0].max(sides[1]) as f64;
    let resized = at_least_a_pixel(sides.map(|side| (side as f64 * scale).round() as usize), sides);
    let content = Planar::from_rgb(&pillow::bilinear(image, resized)?);
    let input = resized.map(|side| (side + 30) / 32 * 32 + 1);
    Ok(EvalInput {
        image: content.padded(input, [0, 0], PAD)?,
        content_height: resized[0],
        content_width: resized[1],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_side_fills_a_square() -> Result<()> {
        let photo = RgbImage::from_pixel(64, 48, image::Rgb([1, 2, 3]));
        let input = deeplab2(&photo, &Deeplab2Eval::square(65))?;
        // To 65 x 86 first, then down to 49 x 65: not the 48.75 of one step, rounded down.
        assert_eq!((input.content_height, input.content_width, input.image.height), (49, 65, 65));
        assert_eq!(
            (input.image.get(64, 48), input.image.get(64, 49)),
            (Some([1.0, 2.0, 3.0]), Some([PAD; 3]))
        );
        let input = port(&photo, &PortEval::square(65))?;
        assert_eq!((input.content_height, input.content_width), (49, 65));
        assert_eq!(
            (input.image.get(64, 48), input.image.get(64, 49)),
            (Some([1.0, 2.0, 3.0]), Some([PAD; 3]))
        );
        Ok(())
    }

    #[test]
    fn a_fitted_input_has_the_photos_shape() -> Result<()> {
        for ((width, height), content, input) in [
            ((640, 480), (97, 129), [97, 129]),
            ((480, 640), (129, 97), [129, 97]),
            ((500, 333), (86, 129), [97, 129]),
            ((30, 30), (129, 129), [129, 129]),
            ((5000, 20), (1, 129), [1, 129]),
            ((1, 5000), (129, 1), [129, 1]),
        ] {
            let photo = RgbImage::from_pixel(width, height, image::Rgb([9, 8, 7]));
            let fitted = fit(&photo, 129)?;
            assert_eq!((fitted.content_height, fitted.content_width), content);
            assert_eq!([fitted.image.height, fitted.image.width], input);
        }
        assert!(fit(&RgbImage::new(0, 5), 129).is_err());
        assert!(
            fit(&RgbImage::new(64, 64), 128).is_err_and(|error| error.to_string().starts_with("longest"))
        );
        Ok(())
    }

    #[test]
    fn the_thinnest_photos_keep_a_pixel() -> Result<()> {
        let thin = RgbImage::new(3000, 1);
        for input in [deeplab2(&thin, &Deeplab2Eval::square(65))?, port(&thin, &PortEval::square(65))?] {
            assert_eq!((input.content_height, input.content_width, input.image.height), (1, 65, 65));
        }
        Ok(())
    }

    #[test]
    fn what_cannot_be_shown_is_refused() {
        assert!(deeplab2(&RgbImage::new(0, 0), &Deeplab2Eval::square(65)).is_err());
        assert!(port(&RgbImage::new(0, 0), &PortEval::square(65)).is_err());
        let odd = Deeplab2Eval { crop: [65; 2], min: None, max: Some([129; 2]) };
        assert!(
            deeplab2(&RgbImage::new(9, 9), &odd).is_err_and(|error| error.to_string().starts_with("max"))
        );
    }
}

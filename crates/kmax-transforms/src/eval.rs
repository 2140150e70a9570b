//! From an image to the input of a network that is not being trained, as both reference implementations prepare it.

use image::RgbImage;
use kmax_masks::LabelMap;

use crate::error::{Error, Result};
use crate::planar::{PAD, Planar};
use crate::{labels, pillow, resize, size};

/// An image, resized and padded.
#[derive(Clone, Debug, PartialEq)]
pub struct EvalInput {
    /// The input in 0..255, not normalised.
    pub image: Planar,
    /// The rows from the top that show the image.
    pub content_height: usize,
    /// The columns from the left that show the image.
    pub content_width: usize,
}

/// deeplab2's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deeplab2Eval {
    /// Height and width of the network's input.
    pub crop: [usize; 2],
    /// The smallest height and width of the resized image (`min_resize_value`).
    pub min: Option<[usize; 2]>,
    /// The largest height and width of the resized image (`max_resize_value`); the crop if there is none.
    pub max: Option<[usize; 2]>,
}

impl Deeplab2Eval {
    /// A square input which the image fills as far as it can (COCO, ADE20K).
    pub fn square(size: usize) -> Self {
        Self { crop: [size; 2], min: Some([size; 2]), max: Some([size; 2]) }
    }

    /// An input which images are shrunk to but not enlarged to (Cityscapes: `[1025, 2049]`).
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

/// Keeps a pixel of the thinnest images, whose width or height rounds down to 0 and which both reference implementations refuse.
fn at_least_a_pixel(resized: [usize; 2], image: [usize; 2]) -> [usize; 2] {
    [0, 1].map(|axis| resized[axis].max(image[axis].min(1)))
}

/// deeplab2's `preprocess_image_and_label` without training: bilinear with aligned corners, not rounded, padded at
/// the bottom and on the right with [`PAD`].
///
/// # Errors
/// If the image has no pixels or the settings contradict each other.
pub fn deeplab2(image: &RgbImage, settings: &Deeplab2Eval) -> Result<EvalInput> {
    let resized = settings.resized(image.height() as usize, image.width() as usize)?;
    let content = resize::bilinear_rgb(image, resized)?;
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
    labels::padded(&content, settings.crop, [0, 0], pad)
}

/// The settings of the PyTorch implementation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PytorchEval {
    /// Height and width of the network's input (`INPUT.IMAGE_SIZE`).
    pub input: [usize; 2],
    /// The smaller of height and width of the resized image (`INPUT.MIN_SIZE_TEST`).
    pub shortest: usize,
    /// The largest height or width of the resized image (`INPUT.MAX_SIZE_TEST`).
    pub longest: usize,
}

impl PytorchEval {
    /// A square input, as large as the larger of height and width of the image becomes (COCO, ADE20K).
    pub fn square(size: usize) -> Self {
        Self { input: [size; 2], shortest: size, longest: size }
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
        at_least_a_pixel([h, w].map(|length| (length + 0.5) as usize), [height, width])
    }
}

/// The input of the PyTorch implementation: Pillow's bilinear resize to 8-bit values, then [`PAD`] at the bottom and on the right.
///
/// # Errors
/// If the image has no pixels or does not fit the input.
pub fn pytorch(image: &RgbImage, settings: &PytorchEval) -> Result<EvalInput> {
    if image.width() == 0 || image.height() == 0 {
        return Err(Error::setting("image", "it has no pixels"));
    }
    let resized = settings.resized(image.height() as usize, image.width() as usize);
    let content = Planar::from_rgb(&pillow::bilinear(image, resized)?);
    let image = content.padded(settings.input, [0, 0], PAD)?;
    Ok(EvalInput { image, content_height: resized[0], content_width: resized[1] })
}

/// An input as large as the image's shape asks for, which few pixels of padding are added to.
///
/// # Errors
/// If the image has no pixels or `longest` is not `32 k + 1`.
pub fn fit(image: &RgbImage, longest: usize) -> Result<EvalInput> {
    if longest % 32 != 1 {
        return Err(Error::setting("longest", format!("must be a multiple of 32, plus 1, not {longest}")));
    }
    if image.width() == 0 || image.height() == 0 {
        return Err(Error::setting("image", "it has no pixels"));
    }
    let size = [image.height() as usize, image.width() as usize];
    let scale = longest as f64 / size[0].max(size[1]) as f64;
    let resized = at_least_a_pixel(size.map(|length| (length as f64 * scale).round() as usize), size);
    let content = Planar::from_rgb(&pillow::bilinear(image, resized)?);
    let input = resized.map(|length| (length + 30) / 32 * 32 + 1);
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
    fn the_longer_axis_fills_a_square() -> Result<()> {
        let image = RgbImage::from_pixel(64, 48, image::Rgb([1, 2, 3]));
        let input = deeplab2(&image, &Deeplab2Eval::square(65))?;
        // To 65 x 86 first, then down to 49 x 65: not the 48.75 of one step, rounded down.
        assert_eq!((input.content_height, input.content_width, input.image.height), (49, 65, 65));
        assert_eq!(
            (input.image.get(64, 48), input.image.get(64, 49)),
            (Some([1.0, 2.0, 3.0]), Some([PAD; 3]))
        );
        let input = pytorch(&image, &PytorchEval::square(65))?;
        assert_eq!((input.content_height, input.content_width), (49, 65));
        assert_eq!(
            (input.image.get(64, 48), input.image.get(64, 49)),
            (Some([1.0, 2.0, 3.0]), Some([PAD; 3]))
        );
        Ok(())
    }

    #[test]
    fn a_fitted_input_has_the_shape_of_the_image() -> Result<()> {
        for ((width, height), content, input) in [
            ((640, 480), (97, 129), [97, 129]),
            ((480, 640), (129, 97), [129, 97]),
            ((500, 333), (86, 129), [97, 129]),
            ((30, 30), (129, 129), [129, 129]),
            ((5000, 20), (1, 129), [1, 129]),
            ((1, 5000), (129, 1), [129, 1]),
        ] {
            let image = RgbImage::from_pixel(width, height, image::Rgb([9, 8, 7]));
            let fitted = fit(&image, 129)?;
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
    fn the_thinnest_images_keep_a_pixel() -> Result<()> {
        let thin = RgbImage::new(3000, 1);
        for input in [deeplab2(&thin, &Deeplab2Eval::square(65))?, pytorch(&thin, &PytorchEval::square(65))?]
        {
            assert_eq!((input.content_height, input.content_width, input.image.height), (1, 65, 65));
        }
        Ok(())
    }

    #[test]
    fn what_cannot_be_shown_is_refused() {
        assert!(deeplab2(&RgbImage::new(0, 0), &Deeplab2Eval::square(65)).is_err());
        assert!(pytorch(&RgbImage::new(0, 0), &PytorchEval::square(65)).is_err());
        let odd = Deeplab2Eval { crop: [65; 2], min: None, max: Some([129; 2]) };
        assert!(
            deeplab2(&RgbImage::new(9, 9), &odd).is_err_and(|error| error.to_string().starts_with("max"))
        );
    }
}

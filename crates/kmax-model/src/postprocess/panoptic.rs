//! Panoptic results.

use super::{Assignment, Frame, Method, PostprocessConfig, QueryLogits, classes, maskwise, pixelwise};
use crate::error::Result;
use kmax_masks::{Categories, Panoptic};

/// Which query each pixel goes to: of the network's input (deeplab2's convention) or of the image (PyTorch's).
///
/// # Errors
/// If the sizes contradict each other, or `categories` are not the predicted classes.
pub fn assign(
    predictions: &QueryLogits,
    frame: &Frame,
    config: &PostprocessConfig,
    categories: &Categories,
) -> Result<Assignment> {
    config.validate()?;
    let masks = frame.masks(predictions, config.convention)?;
    let best = classes::best(predictions, config, categories)?;
    match config.method {
        Method::Maskwise => {
            let (claims, scores) = maskwise::claims(predictions, &masks, config)?;
            Ok(maskwise::assign(claims, &scores, config, &best))
        }
        Method::Pixelwise => pixelwise::assign(masks, config.pixel_threshold, &best),
    }
}

/// The segments of the image (deeplab2's `_get_panoptic_predictions`, PyTorch's `panoptic_inference`). Segments are
/// numbered from 1 on, from the most to the least confident.
///
/// # Errors
/// If the sizes contradict each other, or `categories` are not the predicted classes, in their order.
pub fn panoptic(
    predictions: &QueryLogits,
    frame: &Frame,
    config: &PostprocessConfig,
    categories: &Categories,
) -> Result<Panoptic> {
    assign(predictions, frame, config, categories)?.into_panoptic(frame, config, categories)
}

/// As [`panoptic`], and for each segment the queries whose masks it is made of: one for a thing, one or more for stuff.
///
/// # Errors
/// As [`panoptic`].
pub fn panoptic_of_queries(
    predictions: &QueryLogits,
    frame: &Frame,
    config: &PostprocessConfig,
    categories: &Categories,
) -> Result<(Panoptic, Vec<Vec<usize>>)> {
    assign(predictions, frame, config, categories)?.into_segments(frame, config, categories)
}

//! Panoptic results.

use super::{Assignment, Frame, Method, PostprocessConfig, Predictions, classes, maskwise, pixelwise};
use crate::Result;
use kmax_masks::{Categories, Panoptic};

/// Which query each pixel goes to: of the network's input (deeplab2's manner) or of the photo (the port's).
///
/// # Errors
/// If the sizes contradict each other, or `categories` are not the predicted classes.
pub fn assign(
    predictions: &Predictions,
    frame: &Frame,
    config: &PostprocessConfig,
    categories: &Categories,
) -> Result<Assignment> {
    config.validate()?;
    let masks = frame.masks(predictions, config.manner)?;
    let best = classes::best(predictions, config, categories)?;
    match config.method {
        Method::Maskwise => maskwise::assign(predictions, &masks, config, &best),
        Method::Pixelwise => pixelwise::assign(masks, config.pixel_threshold, &best),
    }
}

/// The segments of the photo (deeplab2's `_get_panoptic_predictions`, the port's `panoptic_inference`). Segments are
/// numbered from 1 on, from the most to the least confident.
///
/// # Errors
/// If the sizes contradict each other, or `categories` are not the predicted classes, in their order.
pub fn panoptic(
    predictions: &Predictions,
    frame: &Frame,
    config: &PostprocessConfig,
    categories: &Categories,
) -> Result<Panoptic> {
    assign(predictions, frame, config, categories)?.into_panoptic(frame, config, categories)
}

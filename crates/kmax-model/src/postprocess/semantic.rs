//! Semantic results.

use super::classes::{self, Void};
use super::{Convention, Frame, Method, PostprocessConfig, QueryLogits, pixelwise};
use crate::error::Result;
use kmax_masks::{Categories, LabelMap};
use rayon::prelude::*;

/// Output rows of one task.
const BAND: usize = 16;

/// The category id of every pixel of the image; there is no void.
///
/// In deeplab2's convention, and with `semantic_by_best_query`, a pixel has the class of its most probable query (the
/// post-processor without thresholds), in PyTorch's the class of the largest sum of class times mask probability
/// (`semantic_inference`).
///
/// # Errors
/// If the sizes contradict each other, or `categories` are not the predicted classes, in their order.
pub fn semantic(
    predictions: &QueryLogits,
    frame: &Frame,
    config: &PostprocessConfig,
    categories: &Categories,
) -> Result<LabelMap> {
    config.validate()?;
    let masks = frame.masks(predictions, config.convention)?;
    // Without thresholds every query takes part.
    let open = PostprocessConfig {
        method: Method::Pixelwise,
        class_threshold_thing: 0.0,
        class_threshold_stuff: 0.0,
        ..*config
    };
    let best = classes::best(predictions, &open, categories)?;
    let id = |class: usize| categories.id_of(class).unwrap_or_default();
    if config.convention == Convention::Deeplab2 || config.semantic_by_best_query {
        let assignment = pixelwise::assign(masks, 0.0, &best)?;
        // Logits that are no numbers leave a pixel to nobody; the first query stands for it, as an argmax would have it.
        let classes = assignment.map.map(|at| id(assignment.masks[at.saturating_sub(1) as usize].class));
        return frame.in_image(classes, config.convention);
    }
    let [height, width] = masks.size();
    let mut map = LabelMap::filled(width, height, 0)?;
    // Class by class, as the sums go.
    let probabilities = classes::probabilities(predictions, Void::Counts);
    let of_class = |class| probabilities.iter().skip(class).step_by(predictions.classes).copied();
    let weights: Vec<f32> = (0..predictions.classes).flat_map(of_class).collect();
    map.data_mut().par_chunks_mut(BAND * width).enumerate().for_each(|(band, out)| {
        let first = band * BAND;
        masks.visit(first..first + out.len() / width, |block| {
            let start = (block.row - first) * width + block.column;
            let classes = block.best_class(&weights);
            let places = &mut out[start..start + block.pixels];
            places.iter_mut().zip(classes).for_each(|(out, class)| *out = id(class as usize));
        });
    });
    Ok(map)
}

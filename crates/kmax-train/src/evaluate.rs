//! Measuring a network on the validation split.

use crate::error::Result;
use crate::observer::Evaluation;
use candle_core::{DType, Device, Tensor};
use kmax_base::Progress;
use kmax_datasets::coco::CocoPanoptic;
use kmax_metrics::{PanopticQuality, SemanticQuality};
use kmax_model::{Config, KMaxDeepLab, Segmenter};
use kmax_nn::Params;
use std::collections::HashMap;

/// Segments every image of `val` as a user of the finished model would, and compares with its labels. `None` if it was
/// stopped.
pub(super) fn evaluate(
    model: &Config,
    weights: HashMap<String, Tensor>,
    val: &CocoPanoptic,
    device: &Device,
    step: usize,
    progress: &dyn Progress,
) -> Result<Option<Evaluation>> {
    let network = KMaxDeepLab::new(&model.network, &Params::frozen(weights, DType::F32, device))?;
    let segmenter = Segmenter::from_network(model.clone(), network, device);
    let mut panoptic = PanopticQuality::new(val.categories().clone());
    // No category of a panoptic json is the ignored one: void has no segment.
    let mut semantic = SemanticQuality::new(val.categories().clone(), u32::MAX);
    progress.advance(0, val.len());
    for index in 0..val.len() {
        if progress.cancelled() {
            return Ok(None);
        }
        let sample = val.sample(index)?;
        let predicted = segmenter.segment(&sample.image)?;
        panoptic.add(sample.image_id.clone(), &sample.panoptic, &predicted)?;
        let confusion = semantic.compare_panoptic(&sample.panoptic, &predicted)?;
        semantic.insert(sample.image_id, confusion)?;
        progress.advance(index + 1, val.len());
    }
    let miou = semantic.report().miou;
    Ok(Some(Evaluation { step, panoptic: panoptic.report(), miou }))
}

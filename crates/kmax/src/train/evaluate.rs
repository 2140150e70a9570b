//! Measuring a network on the validation split.

use super::{Evaluation, Observer, Result};
use crate::{Config, KMaxDeepLab, Segmenter};
use candle_core::{DType, Device, Tensor};
use kmax_datasets::coco::CocoPanoptic;
use kmax_metrics::{PanopticQuality, SemanticQuality};
use kmax_nn::Params;
use std::collections::HashMap;

/// Segments every photo of `val` as a user of the finished model would, and compares with its labels.
pub(super) fn evaluate(
    model: &Config,
    weights: HashMap<String, Tensor>,
    val: &CocoPanoptic,
    device: &Device,
    step: usize,
    observer: &mut dyn Observer,
) -> Result<Evaluation> {
    let network = KMaxDeepLab::new(&model.network, &Params::frozen(weights, DType::F32, device))?;
    let segmenter = Segmenter::from_network(model.clone(), network, device);
    let mut panoptic = PanopticQuality::new(val.categories().clone());
    // No category of a panoptic json is the ignored one: void has no segment.
    let mut semantic = SemanticQuality::new(val.categories().clone(), u32::MAX);
    for index in 0..val.len() {
        let sample = val.sample(index)?;
        let predicted = segmenter.segment(&sample.image)?;
        panoptic.add(sample.image_id.clone(), &sample.panoptic, &predicted)?;
        let confusion = semantic.compare_panoptic(&sample.panoptic, &predicted)?;
        semantic.insert(sample.image_id, confusion)?;
        observer.evaluating(index + 1, val.len());
    }
    let miou = 100.0 * semantic.report().miou.unwrap_or_default();
    Ok(Evaluation { step, panoptic: panoptic.report(), miou })
}

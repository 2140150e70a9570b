//! Measuring a network on the validation split.

use crate::error::Result;
use crate::observer::Evaluation;
use candle_core::{DType, Device, Tensor};
use kmax_base::Progress;
use kmax_datasets::Annotated;
use kmax_masks::ImageId;
use kmax_metrics::panoptic::ImageQuality;
use kmax_metrics::{PanopticQuality, SemanticQuality};
use kmax_model::{Config, KMaxDeepLab, Segmenter};
use kmax_nn::Params;
use kmax_report::run::{BestAndWorst, Photo};
use std::collections::HashMap;

/// Photos that a run's page shows of the best, and of the worst.
const SHOWN: usize = 6;

/// What was measured, and photos to look at.
pub(super) struct Measured {
    pub evaluation: Evaluation,
    pub photos: Vec<Photo>,
    /// Images in which nothing at all was predicted.
    pub empty: usize,
    pub images: usize,
}

/// Segments every image of `val` as a user of the finished model would, and compares with its labels. `None` if it was
/// stopped.
pub(super) fn evaluate(
    model: &Config,
    weights: HashMap<String, Tensor>,
    val: &dyn Annotated,
    device: &Device,
    step: usize,
    progress: &dyn Progress,
) -> Result<Option<Measured>> {
    let network = KMaxDeepLab::new(&model.network, &Params::frozen(weights, DType::F32, device))?;
    let segmenter = Segmenter::from_network(model.clone(), network, device);
    let mut panoptic = PanopticQuality::new(val.categories().clone());
    // No category of a panoptic dataset is the ignored one: void has no segment.
    let mut semantic = SemanticQuality::new(val.categories().clone(), u32::MAX);
    let (mut shown, mut empty) = (BestAndWorst::new(SHOWN), 0);
    progress.advance(0, val.len());
    for index in 0..val.len() {
        if progress.cancelled() {
            return Ok(None);
        }
        let sample = val.sample(index)?;
        let predicted = segmenter.segment(&sample.image)?;
        empty += usize::from(predicted.segments.is_empty());
        let quality = panoptic.compare(&sample.panoptic, &predicted);
        let quality = quality.map_err(|error| error.in_image(&sample.image_id))?;
        let score = score(val, sample.image_id.clone(), quality.clone())?;
        if shown.wants(score) {
            let name = sample.image_id.to_string();
            let photo =
                Photo::new(&name, &sample.image, &sample.panoptic, &predicted, val.categories(), score);
            // A picture that cannot be drawn is no reason to end a run.
            photo.into_iter().for_each(|photo| shown.add(photo));
        }
        panoptic.insert(sample.image_id.clone(), quality)?;
        let confusion = semantic.compare_panoptic(&sample.panoptic, &predicted)?;
        semantic.insert(sample.image_id, confusion)?;
        progress.advance(index + 1, val.len());
    }
    let semantic = semantic.report();
    let ious = semantic.per_class.iter().map(|(id, class)| (*id, class.iou)).collect();
    let evaluation = Evaluation { step, panoptic: panoptic.report(), miou: semantic.miou, ious };
    Ok(Some(Measured { evaluation, photos: shown.into_photos(), empty, images: val.len() }))
}

/// Panoptic quality of a single image, over the classes that it has or that were found in it.
fn score(val: &dyn Annotated, image: ImageId, quality: ImageQuality) -> Result<f64> {
    let mut alone = PanopticQuality::new(val.categories().clone());
    alone.insert(image, quality)?;
    Ok(alone.report().all.pq.unwrap_or_default())
}

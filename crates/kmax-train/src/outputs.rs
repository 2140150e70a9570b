//! From a traced forward pass to what the criterion reads.

use crate::error::Result;
use kmax_kernels::resize_bilinear;
use kmax_losses::{Outputs, SupervisedPrediction};
use kmax_model::Trace;
use kmax_pixel_decoder::ResizeRule;

/// The predictions of the last and of every decoder layer, the latter resized to the former's size (PyTorch's
/// `_set_aux_loss`).
///
/// # Errors
/// If a layer gave no class logits or a resize fails.
pub fn supervised(trace: &Trace, resize: ResizeRule) -> Result<Outputs> {
    let (_, _, height, width) = trace.decoder.prediction.mask_logits.dims4()?;
    let alignment = resize.alignment(height);
    let prediction = |said: &kmax_heads::Prediction| -> Result<SupervisedPrediction> {
        let class_logits = said.class_logits.clone();
        let class_logits = class_logits
            .ok_or_else(|| kmax_model::Error::Network("a supervised layer gave no class logits".into()))?;
        Ok(SupervisedPrediction {
            class_logits,
            mask_logits: resize_bilinear(&said.mask_logits, height, width, alignment)
                .map_err(kmax_nn::Error::from)?,
            pixel_features: Some(
                resize_bilinear(&said.pixel_feature, height, width, alignment)
                    .map_err(kmax_nn::Error::from)?,
            ),
        })
    };
    let layers = trace.decoder.layers.iter().map(|layer| prediction(&layer.prediction));
    Ok(Outputs {
        last: prediction(&trace.decoder.prediction)?,
        auxiliary: layers.collect::<Result<_>>()?,
        semantic_logits: trace.semantic_logits.clone(),
    })
}

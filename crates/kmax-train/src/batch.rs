//! From loaded examples to what the network and the criterion read.

use crate::error::{Error, Result};
use candle_core::{Device, Tensor};
use kmax_losses::{Segment, Targets};
use kmax_masks::Categories;
use kmax_model::PreprocessConfig;
use kmax_transforms::train::TrainingExample;
use std::path::PathBuf;

/// The images of a batch, normalised: `[b, 3, h, w]`. Padding is zero after normalising, as in the PyTorch implementation.
pub(super) fn images(
    examples: &[TrainingExample],
    preprocess: &PreprocessConfig,
    device: &Device,
) -> Result<Tensor> {
    let Some(first) = examples.first() else {
        return Err(Error::Data { file: PathBuf::new(), reason: "an empty batch".into() });
    };
    let (height, width) = (first.height, first.width);
    let mut values = Vec::with_capacity(examples.len() * 3 * height * width);
    for example in examples {
        let channels = preprocess.mean.into_iter().zip(preprocess.std);
        for (plane, (mean, std)) in example.image.chunks_exact(height * width).zip(channels) {
            for (y, row) in plane.chunks_exact(width).enumerate() {
                let normalised = |v: &f32| ((f64::from(*v) - mean) / std) as f32;
                if let Some(real) = &example.real {
                    let real = &real[y * width..][..width];
                    values.extend(
                        row.iter().zip(real).map(|(v, real)| if *real { normalised(v) } else { 0.0 }),
                    );
                    continue;
                }
                let real = if y < example.real_height { example.real_width } else { 0 };
                values.extend(row[..real].iter().map(normalised));
                values.resize(values.len() + width - real, 0.0);
            }
        }
    }
    Ok(Tensor::from_vec(values, (examples.len(), 3, height, width), device)?)
}

/// The targets of a batch at the resolution of the mask logits.
pub(super) fn targets(
    examples: &[TrainingExample],
    categories: &Categories,
    size: [usize; 2],
) -> Result<Vec<Targets>> {
    examples
        .iter()
        .map(|example| {
            let segments = example.segments.iter().map(|segment| {
                let unknown = || Error::Data {
                    file: example.image_id.to_string().into(),
                    reason: format!(
                        "segment {} has the unknown category {}",
                        segment.id, segment.category_id
                    ),
                };
                let label = categories.index_of(segment.category_id).ok_or_else(unknown)? as u32;
                let thing = categories.is_thing(segment.category_id);
                Ok(Segment { id: segment.id, label, thing, crowd: segment.iscrowd })
            });
            let segments = segments.collect::<Result<Vec<_>>>()?;
            let targets =
                Targets::from_ids(example.labels.data(), [example.height, example.width], &segments, size)?;
            Ok(targets)
        })
        .collect()
}

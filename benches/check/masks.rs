//! Post-processing: what the device makes of its own logits against what the processor makes of them, pixel for pixel.

use crate::report::Report;
use crate::{Outcome, Run};
use kmax_benches::models;
use kmax_model::folder::{self, ModelCard};
use kmax_model::postprocess::{Method, PostprocessConfig};
use kmax_model::{Config, Precision, PreprocessConfig, Preset, RgbImage, Segmenter};
use kmax_nn::candle_core::DType;
use std::path::Path;

/// The share of pixels that may differ: those whose probability is the threshold, but for rounding.
const ALLOWED: f64 = 1e-5;

/// What mask logits are multiplied by.
const GAIN: &str = "decoder.predictor.mask_norm.weight";
/// Drawn masks are sure of nothing, and no pixel would be claimed.
const SURENESS: f64 = 50.0;

pub fn check(run: &Run, report: &mut Report) -> Outcome {
    let place = tempfile::tempdir()?;
    let side = run.size(641, 65);
    let settings = PostprocessConfig {
        class_threshold_thing: 0.0,
        class_threshold_stuff: 0.0,
        pixel_threshold: 0.34,
        overlap_threshold: 0.0,
        thing_area_limit: 0,
        stuff_area_limit: 0,
        ..PostprocessConfig::coco()
    };
    let pixelwise = PostprocessConfig { method: Method::Pixelwise, ..settings };
    let conventions = [
        ("deeplab2", PreprocessConfig::deeplab2(side), settings),
        ("deeplab2, pixelwise", PreprocessConfig::deeplab2(side), pixelwise),
        ("pytorch", PreprocessConfig::pytorch([side; 2]), settings.pytorch()),
    ];
    for (name, preprocess, postprocess) in conventions {
        let config = Config { preprocess, postprocess, ..Preset::People.config() };
        let path = place.path().join("model");
        save(&config, SURENESS, &path)?;
        for precision in Precision::on(&run.device) {
            let name = format!("post-processing, {name}");
            // The processor's int8 has no type of tensors.
            let Some(dtype) = precision.dtype() else { continue };
            match apart(run, &path, precision) {
                Ok(apart) => report.judged(&name, dtype, apart, ALLOWED),
                Err(error) => report.broken(&name, dtype, &*error),
            }
        }
    }
    Ok(())
}

/// A folder of a model with drawn weights, whose masks are so many times as sure.
pub fn save(config: &Config, sureness: f64, path: &Path) -> Outcome {
    let mut weights = models::weights(&config.network)?;
    let gain = weights.get_mut(GAIN).ok_or("no gain of the masks")?;
    *gain = (&*gain * sureness)?;
    let card = ModelCard { name: "drawn".into(), license: "other".into(), sections: Vec::new() };
    Ok(folder::save(path, config, weights, DType::F32, &card)?)
}

fn apart(run: &Run, path: &Path, precision: Precision) -> Outcome<f64> {
    let model = path.display().to_string();
    let segmenter = Segmenter::builder(model).device(run.device.clone()).precision(precision).build()?;
    if !segmenter.assigns_on_device() {
        return Err("the device has no kernels for it".into());
    }
    let (mut apart, mut pixels, mut segments) = (0, 0, 0);
    for (width, height) in [(50, 31), (31, 50)] {
        let (width, height) = (run.size(12, 1) as u32 * width, run.size(12, 1) as u32 * height);
        let image = picture(width, height, 0);
        let found = segmenter.segment_batch(std::slice::from_ref(&image))?.pop().ok_or("no result")?;
        let expected = segmenter.predict(&image)?.panoptic()?;
        let pairs = found.map.data().iter().zip(expected.map.data());
        apart += pairs.filter(|(a, b)| a != b).count();
        pixels += expected.map.data().len();
        segments += expected.segments.len();
        let areas = |panoptic: &kmax_masks::Panoptic| {
            panoptic.segments.iter().map(|s| s.category_id).collect::<Vec<_>>()
        };
        if areas(&found) != areas(&expected) {
            return Err("other segments".into());
        }
    }
    if segments == 0 {
        return Err("no segments: nothing was compared".into());
    }
    Ok(apart as f64 / pixels as f64)
}

/// A picture that has no two parts alike.
pub fn picture(width: u32, height: u32, number: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([(x * 5 + number * 31) as u8, (y * 8) as u8, ((x * y) / 7 + number) as u8])
    })
}

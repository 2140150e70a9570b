//! A folder of photos, from files to segments.

use crate::masks::{picture, save};
use crate::report::Report;
use crate::{Outcome, Run};
use kmax_model::{Config, Precision, PreprocessConfig, Preset, Segmenter};
use kmax_transforms::read_image;
use rayon::prelude::*;
use std::time::Instant;

pub fn check(run: &Run, name: &str, report: &mut Report) -> Outcome {
    let place = tempfile::tempdir()?;
    let (photos, batch, side) = (run.size(64, 3), run.size(8, 2), run.size(641, 65));
    let files: Vec<_> = (0..photos).map(|number| place.path().join(format!("{number}.png"))).collect();
    let (width, height) = (run.size(640, 50) as u32, run.size(480, 40) as u32);
    files.iter().zip(0..).try_for_each(|(file, number)| picture(width, height, number).save(file))?;
    let preset = match name {
        "small" => Preset::People,
        "resnet50" => Preset::named("kmax-resnet50-coco.pytorch").ok_or("no such preset")?,
        _ => return Err(format!("no photos for {name}").into()),
    };
    let config = Config { preprocess: PreprocessConfig::deeplab2(side), ..preset.config() };
    let path = place.path().join("model");
    save(&config, 1.0, &path)?;
    for precision in Precision::on(&run.device).into_iter().rev() {
        let Some(dtype) = precision.dtype() else { continue };
        let segmenter = Segmenter::builder(path.display().to_string())
            .device(run.device.clone())
            .precision(precision)
            .batch(batch)
            .build()?;
        let all = || -> Outcome<usize> {
            let mut segmented = 0;
            for files in files.chunks(batch) {
                let read = |file: &std::path::PathBuf| -> Result<_, String> {
                    let image = read_image(file).map_err(|error| error.to_string())?;
                    segmenter.prepare(&image).map_err(|error| error.to_string())
                };
                let inputs = files.par_iter().map(read).collect::<Result<Vec<_>, _>>()?;
                segmented += segmenter.segment_prepared(&inputs)?.len();
            }
            Ok(segmented)
        };
        all()?;
        let start = Instant::now();
        let segmented = all()?;
        let seconds = start.elapsed().as_secs_f64() / segmented as f64;
        report.timed("photo", name, side, batch, dtype, seconds);
    }
    Ok(())
}

//! Seconds of the steps of a training run, and the memory they take; nothing is written.
//!
//! Arguments: the run's configuration (a TOML file), steps.

use kmax_benches::peak_rss_mb;
use kmax_datasets::coco::CocoPanoptic;
use kmax_datasets::loader::{Examples, TrainingSet};
use kmax_train::{TrainConfig, Trainer};
use kmax_transforms::Draw;
use kmax_transforms::train::TrainTransform;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, config, steps] = arguments.as_slice() else {
        return Err("usage: train_step CONFIG STEPS".into());
    };
    let config = TrainConfig::read(Path::new(config))?;
    let (split, augment) = (&config.data.train, &config.augment);
    let set = TrainingSet {
        dataset: Arc::new(CocoPanoptic::open(&split.json, &split.images, &split.panoptic)?),
        augmentation: TrainTransform {
            crop: augment.crop,
            scale: augment.scale,
            flip: augment.flip,
            jitter: augment.jitter,
            pad: 0.0,
        }
        .into(),
    };
    let draw = |index| Draw { seed: 0, epoch: 0, index, copy: 0 };
    let examples = (0..config.schedule.batch as u64).map(|index| set.example(draw(index)));
    let examples = examples.collect::<Result<Vec<_>, _>>()?;
    let mut trainer = Trainer::new(config)?;
    let before = peak_rss_mb();
    let mut seconds = Vec::new();
    for step in 0..steps.parse()? {
        let start = Instant::now();
        let report = trainer.step(&examples)?;
        seconds.push(start.elapsed().as_secs_f64());
        println!("step {step}: {:.3} s, loss {:.3}", seconds[step], report.loss);
    }
    seconds.sort_by(f64::total_cmp);
    let graph = peak_rss_mb() - before;
    println!("median {:.3} s, {graph:.0} MB beyond weights and photos", seconds[seconds.len() / 2]);
    Ok(())
}

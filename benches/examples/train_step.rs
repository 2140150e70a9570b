//! Seconds of the steps of a training run, and the memory they take; nothing is written.
//!
//! Arguments: the run's configuration (a TOML file), steps.

use kmax_benches::peak_rss_mb;
use kmax_train::{TrainConfig, Trainer};
use std::path::Path;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, config, steps] = arguments.as_slice() else {
        return Err("usage: train_step CONFIG STEPS".into());
    };
    let config = TrainConfig::read(Path::new(config))?;
    let batch = config.schedule.batch;
    let mut trainer = Trainer::new(config)?;
    let examples = trainer.examples(batch)?;
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

//! Seconds, CPU seconds and page faults of training steps of whole models, without the criterion.
//!
//! Arguments: the model (as `model` names them), the side of the images, the batch, the number of runs.

use kmax_benches::{cpu_seconds, models, page_faults, peak_rss_mb, random};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, name, side, batch, runs] = arguments.as_slice() else {
        return Err("usage: training NAME SIDE BATCH RUNS".into());
    };
    let (side, batch, runs): (usize, usize, usize) = (side.parse()?, batch.parse()?, runs.parse()?);
    let network = models::trainable(&models::config(name).ok_or("an unknown model")?)?;
    let images = random(&[batch, 3, side, side])?;
    for run in 0..runs {
        let (start, cpu) = (Instant::now(), cpu_seconds());
        let loss = models::loss(&network, &images)?;
        let forward = cpu_seconds() - cpu;
        drop(loss.backward()?);
        println!(
            "run {run}: {:.3} s, {:.3} CPU-s (forward {forward:.3}), {} page faults, at most {:.0} MB",
            start.elapsed().as_secs_f64(),
            cpu_seconds() - cpu,
            page_faults(),
            peak_rss_mb()
        );
    }
    Ok(())
}

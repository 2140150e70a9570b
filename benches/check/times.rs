//! Seconds of forward passes and of steps of the gradient, the most important first.

use crate::operations::on_processor;
use crate::report::{Report, drawn};
use crate::{Outcome, Run};
use kmax_benches::models;
use kmax_model::{KMaxDeepLab, Params};
use kmax_nn::candle_core::{DType, Device};
use std::time::{Duration, Instant};

/// Sides and batches.
const CASES: [(usize, usize); 6] = [(641, 1), (1281, 4), (1281, 1), (641, 16), (641, 4), (1281, 16)];
/// How long a case is repeated, after a run that is not counted.
const TIME: Duration = Duration::from_millis(800);

pub fn forward(run: &Run, name: &str, report: &mut Report) -> Outcome {
    let config = models::config(name).ok_or("an unknown network")?;
    let weights = models::weights(&config)?;
    let mut dtypes = kmax_nn::device::dtypes(&run.device);
    dtypes.extend(on_processor(run));
    let cases: Vec<_> = if run.small { vec![(65, 1)] } else { CASES.to_vec() };
    // Half precision first: it is what is compared.
    for dtype in dtypes.into_iter().rev() {
        let network = KMaxDeepLab::new(&config, &Params::frozen(weights.clone(), dtype, &run.device))?;
        for (side, batch) in &cases {
            let images =
                drawn("images", &[*batch, 3, *side, *side])?.to_dtype(dtype)?.to_device(&run.device)?;
            let seconds = median(&run.device, || {
                network.forward(&images)?;
                Ok(())
            });
            match seconds {
                Ok(seconds) => report.timed("forward", name, *side, *batch, dtype, seconds),
                Err(error) => {
                    report.broken(&format!("forward of {batch} x {name} at {side}"), dtype, &*error)
                }
            }
        }
    }
    Ok(())
}

pub fn steps(run: &Run, name: &str, report: &mut Report) -> Outcome {
    let config = models::config(name).ok_or("an unknown network")?;
    let (side, batch) = (run.size(641, 65), run.size(8, 1));
    let params = Params::trainable(Some(Box::new(models::weights(&config)?)), 1, DType::F32, &run.device);
    let network = KMaxDeepLab::new(&config, &params)?;
    let images = drawn("images", &[batch, 3, side, side])?.to_device(&run.device)?;
    let seconds = median(&run.device, || {
        models::loss(&network, &images)?.backward()?;
        Ok(())
    })?;
    report.timed("step", name, side, batch, DType::F32, seconds);
    Ok(())
}

/// Of runs that each end with all work done.
fn median(device: &Device, work: impl Fn() -> Outcome) -> Outcome<f64> {
    work()?;
    device.synchronize()?;
    let (mut seconds, begun) = (Vec::new(), Instant::now());
    while seconds.is_empty() || begun.elapsed() < TIME {
        let start = Instant::now();
        work()?;
        device.synchronize()?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    Ok(seconds[seconds.len() / 2])
}

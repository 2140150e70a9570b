//! Seconds of a whole network, backbone to class and mask logits, and how much of the machine's limits that is.
//!
//! Arguments: the model (`resnet50`, `convnext_tiny`, `convnext_large`, `max_s`, `small`), the side of the image, the
//! number of runs, the precision (`f32`, `bf16`, `int8`). Prints one JSON object: `efficiency` is against a product of
//! 4096 x 4096 x 4096, `peak_efficiency` against multiply-adds in registers, and `winograd_factor` says how many times more multiply-adds are
//! counted than made. The number of threads is `RAYON_NUM_THREADS`'s.

use candle_core::Tensor;
use kmax_benches::{models, peak_rss_mb, random};
use kmax_model::KMaxDeepLab;
use kmax_nn::peak_rate;
use kmax_nn::profile::{self, Row, WINOGRAD, product_rate};
use std::time::{Duration, Instant};

/// Multiply-adds in billions, convolutions and matrix products only.
const MULTIPLY_ADDS: &[(&str, usize, f64)] = &[
    ("resnet50", 641, 74.3),
    ("resnet50", 1281, 292.0),
    ("convnext_tiny", 641, 76.8),
    ("convnext_large", 1281, 1308.0),
    ("max_s", 641, 104.5),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, name, side, runs, precision] = arguments.as_slice() else {
        return Err("usage: model NAME SIDE RUNS f32|bf16|int8".into());
    };
    let (side, runs): (usize, usize) = (side.parse()?, runs.parse()?);
    let factors = models::factors(precision).ok_or("an unknown precision")?;
    let network = models::frozen(&models::config(name).ok_or("an unknown model")?, factors)?;
    let x = random(&[1, 3, side, side])?;
    network.forward(&x)?;
    // Before the product's matrices come.
    let memory = peak_rss_mb();
    let before = product_rate(4096)?;
    let peak = 1e-9 * peak_rate(factors, Duration::from_millis(300));
    let mut seconds = Vec::new();
    for _ in 0..runs.max(1) {
        let start = Instant::now();
        drop(network.forward(&x)?);
        seconds.push(start.elapsed().as_secs_f64());
    }
    let rate = 1e-9 * (before + product_rate(4096)?) / 2.0;
    seconds.sort_by(f64::total_cmp);
    let median = seconds[seconds.len() / 2];
    let known = MULTIPLY_ADDS.iter().find(|(n, s, _)| n == name && *s == side).map(|(_, _, count)| *count);
    let efficiency = known.map_or("null".into(), |count| format!("{:.3}", 2.0 * count / (median * rate)));
    let of_peak = known.map_or("null".into(), |count| format!("{:.3}", 2.0 * count / (median * peak)));
    let winograd = winograd_factor(&network, &x)?;
    println!(
        "{{\"model\": \"{name}\", \"size\": {side}, \"precision\": \"{precision}\", \"threads\": {}, \"seconds\": {median:.4}, \
         \"gemm_gflops\": {rate:.1}, \"efficiency\": {efficiency}, \"peak_gflops\": {peak:.1}, \
         \"peak_efficiency\": {of_peak}, \"winograd_factor\": {winograd:.3}, \"peak_rss_mb\": {memory:.0}}}",
        rayon::current_num_threads()
    );
    Ok(())
}

/// Multiply-adds that are counted, over those that are made.
fn winograd_factor(network: &KMaxDeepLab, x: &Tensor) -> kmax_model::Result<f64> {
    let (result, rows) = profile::record(|| network.forward(x));
    result?;
    let counted = |row: &Row| row.multiply_adds;
    let made =
        |row: &Row| if row.operation.starts_with(WINOGRAD) { 0.25 * counted(row) } else { counted(row) };
    Ok(rows.iter().map(counted).sum::<f64>() / rows.iter().map(made).sum::<f64>())
}

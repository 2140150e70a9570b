//! Where a forward pass spends its time: every operation at every shape, the slowest first.
//!
//! Arguments as of `model`: name, side, runs, precision; and `json` for one JSON object in place of a table.

use kmax_benches::{models, random};
use kmax_nn::profile::{self, Row};
use kmax_nn::{Factors, peak_rate};
use std::time::Duration;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, name, side, runs, precision, form @ ..] = arguments.as_slice() else {
        return Err("usage: profile NAME SIDE RUNS f32|bf16|int8 [json]".into());
    };
    let (side, runs): (usize, usize) = (side.parse()?, runs.parse()?);
    let factors = models::factors(precision).ok_or("an unknown precision")?;
    let network = models::frozen(&models::config(name).ok_or("an unknown model")?, factors)?;
    let x = random(&[1, 3, side, side])?;
    network.forward(&x)?;
    let (result, mut rows) = profile::record(|| -> kmax_model::Result<()> {
        for _ in 0..runs {
            network.forward(&x)?;
        }
        Ok(())
    });
    result?;
    rows.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    for row in &mut rows {
        row.calls /= runs;
        row.seconds /= runs as f64;
        row.multiply_adds /= runs as f64;
        row.bytes /= runs as f64;
    }
    let whole = rows.iter().map(|row| row.seconds).sum();
    match form {
        [] => table(&rows, whole),
        _ => json((name, side, precision), factors, &rows, whole)?,
    }
    Ok(())
}

fn table(rows: &[Row], whole: f64) {
    println!("{:>9.2} ms", whole * 1e3);
    for row in rows {
        println!(
            "{:>9.2} ms {:>5.1} % {:>6.1} GFLOP/s {:>6.1} GB/s {:>3} x  {:<16} {:<16} {}",
            row.seconds * 1e3,
            100.0 * row.seconds / whole,
            2e-9 * row.multiply_adds / row.seconds,
            1e-9 * row.bytes / row.seconds,
            row.calls,
            row.stage,
            row.operation,
            row.shape
        );
    }
}

fn json(
    (model, side, precision): (&str, usize, &str),
    factors: Factors,
    rows: &[Row],
    whole: f64,
) -> kmax_nn::Result<()> {
    let row = |row: &Row| {
        let Row { stage, operation, shape, calls, seconds, .. } = row;
        let (gflops, megabytes) = (2e-9 * row.multiply_adds / seconds, 1e-6 * row.bytes);
        format!(
            "{{\"stage\": \"{stage}\", \"operation\": \"{operation}\", \"shape\": \"{shape}\", \"calls\": {calls}, \
             \"seconds\": {seconds:.7}, \"gflops\": {gflops:.2}, \"megabytes\": {megabytes:.2}}}"
        )
    };
    let rows: Vec<String> = rows.iter().map(row).collect();
    println!(
        "{{\"model\": \"{model}\", \"size\": {side}, \"precision\": \"{precision}\", \"seconds\": {whole:.6}, \"gemm_gflops\": {:.1}, \
         \"peak_gflops\": {:.1}, \"rows\": [\n{}\n]}}",
        1e-9 * profile::product_rate(4096)?,
        1e-9 * peak_rate(factors, Duration::from_millis(300)),
        rows.join(",\n")
    );
    Ok(())
}

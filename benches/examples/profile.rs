//! Where a forward pass spends its time: every operation at every shape, the slowest first.
//!
//! Arguments as of `model`: name, side, runs.

use kmax_benches::{model, random};
use kmax_nn::profile;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, name, side, runs] = arguments.as_slice() else {
        return Err("usage: profile NAME SIDE RUNS".into());
    };
    let (side, runs): (usize, usize) = (side.parse()?, runs.parse()?);
    let network = model(name)?.ok_or("an unknown model")?;
    let x = random(&[1, 3, side, side])?;
    network.forward(&x)?;
    let (result, mut rows) = profile::record(|| -> kmax::Result<()> {
        for _ in 0..runs {
            network.forward(&x)?;
        }
        Ok(())
    });
    result?;
    rows.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    let each = 1e3 / runs as f64;
    let whole: f64 = rows.iter().map(|row| row.seconds).sum();
    println!("{:>9.2} ms", whole * each);
    for row in rows {
        println!(
            "{:>9.2} ms {:>5.1} % {:>6.1} GFLOP/s {:>6.1} GB/s {:>3} x  {:<16} {:<16} {}",
            row.seconds * each,
            100.0 * row.seconds / whole,
            2e-9 * row.multiply_adds / row.seconds,
            1e-9 * row.bytes / row.seconds,
            row.calls / runs,
            row.stage,
            row.operation,
            row.shape
        );
    }
    Ok(())
}

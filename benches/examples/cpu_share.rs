//! CPU seconds of single operations against a matrix product's: a measure that other programs on the machine disturb
//! little.
//!
//! Argument: a part of the names of the operations wanted.

use kmax_benches::{Operation, convolutions, cpu_seconds, operations, random};
use kmax_nn::Result;

fn per_run<T>(mut f: impl FnMut() -> Result<T>) -> Result<f64> {
    f()?;
    let mut best = f64::INFINITY;
    for _ in 0..3 {
        let start = cpu_seconds();
        let mut runs = 0;
        while cpu_seconds() - start < 0.15 {
            f()?;
            runs += 1;
        }
        best = best.min((cpu_seconds() - start) / runs as f64);
    }
    Ok(best)
}

/// Milliseconds, and the rate as a share of the product's or the time of each element moved.
fn told(operation: &Operation, seconds: f64, flops: f64, peak: f64) -> Result<String> {
    let share = match flops > 0.0 {
        true => format!("{:.2} of a matrix product", flops / seconds / peak),
        false => format!("{:.2} CPU-ns an element", seconds * 1e9 / operation.moved()? as f64),
    };
    Ok(format!("{:8.2} CPU-ms  {share}", seconds * 1e3))
}

fn main() -> Result<()> {
    let only = std::env::args().nth(1).unwrap_or_default();
    let a = random(&[1536, 1536])?;
    let peak = 2.0 * 1536f64.powi(3) / per_run(|| Ok(a.matmul(&a)?))?;
    println!("a matrix product: {:.1} GFLOP per CPU second", peak * 1e-9);
    let convolutions_forward = convolutions::resnet50().chain(convolutions::others());
    let forward = convolutions_forward.chain(operations::attention());
    // Forward and two gradients need three times the products.
    let both = convolutions::training().chain(operations::norms()).chain(operations::maps());
    for (operation, trains) in forward.map(|o| (o, false)).chain(both.map(|o| (o, true))) {
        let operation = operation?;
        if !operation.name.contains(&only) {
            continue;
        }
        let flops = operation.flops;
        print!("{:36} {}", operation.name, told(&operation, per_run(|| operation.forward())?, flops, peak)?);
        if trains {
            let seconds = per_run(|| operation.training())?;
            print!("   with gradients {}", told(&operation, seconds, 3.0 * flops, peak)?);
        }
        println!();
    }
    Ok(())
}

//! What is found, line by line.

use crate::Outcome;
use kmax_nn::candle_core::{DType, Device, Tensor};
use serde_json::{Value, json};

/// Comparisons so far.
#[derive(Default)]
pub struct Report {
    pub failed: usize,
}

impl Report {
    /// A comparison: how far apart both are, and how far they may be.
    pub fn judged(&mut self, name: &str, dtype: DType, apart: f64, allowed: f64) {
        // NaN is not within.
        let passed = apart <= allowed;
        self.failed += usize::from(!passed);
        say(
            &json!({"check": name, "precision": short(dtype), "passed": passed, "apart": apart, "allowed": allowed}),
        );
    }

    /// A comparison that could not be made.
    pub fn broken(&mut self, name: &str, dtype: DType, error: &dyn std::error::Error) {
        self.failed += 1;
        say(&json!({"check": name, "precision": short(dtype), "passed": false, "error": error.to_string()}));
    }

    /// A time in seconds of so many images.
    pub fn timed(&self, what: &str, network: &str, side: usize, batch: usize, dtype: DType, seconds: f64) {
        say(&json!({
            "time": what, "network": network, "side": side, "batch": batch, "precision": short(dtype), "who": "kmax", "seconds": seconds
        }));
    }
}

fn say(line: &Value) {
    println!("{line}");
}

fn short(dtype: DType) -> &'static str {
    dtype.as_str()
}

/// The numbers of a tensor of any device and type.
pub fn numbers(x: &Tensor) -> Outcome<Vec<f64>> {
    Ok(x.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?)
}

/// The largest difference, as a share of the largest number that is expected.
pub fn largest(found: &Tensor, expected: &Tensor) -> Outcome<f64> {
    let pairs = paired(found, expected)?;
    let most = |values: &mut dyn Iterator<Item = f64>| {
        values.fold(0.0, |most: f64, v| if v <= most { most } else { v })
    };
    Ok(most(&mut pairs.iter().map(|(a, b)| (a - b).abs()))
        / most(&mut pairs.iter().map(|(_, b)| b.abs())).max(1e-30))
}

/// The root of the mean square of the differences, as a share of that of the numbers expected.
pub fn overall(found: &Tensor, expected: &Tensor) -> Outcome<f64> {
    let pairs = paired(found, expected)?;
    let square = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>();
    Ok((square(&mut pairs.iter().map(|(a, b)| a - b))
        / square(&mut pairs.iter().map(|(_, b)| *b)).max(1e-30))
    .sqrt())
}

/// The share of the places at which both are not the same.
pub fn elsewhere(found: &Tensor, expected: &Tensor) -> Outcome<f64> {
    let pairs = paired(found, expected)?;
    Ok(pairs.iter().filter(|(a, b)| a != b).count() as f64 / pairs.len().max(1) as f64)
}

fn paired(found: &Tensor, expected: &Tensor) -> Outcome<Vec<(f64, f64)>> {
    if found.dims() != expected.dims() {
        return Err(format!("{:?} instead of {:?}", found.dims(), expected.dims()).into());
    }
    Ok(numbers(found)?.into_iter().zip(numbers(expected)?).collect())
}

/// Seeded normal float32 values, on the processor.
pub fn drawn(name: &str, shape: &[usize]) -> Outcome<Tensor> {
    let values = kmax_nn::Init::Normal { std: 1.0 }.values(name, 1, shape.iter().product());
    Ok(Tensor::from_vec(values, shape, &Device::Cpu)?.to_dtype(DType::F32)?)
}

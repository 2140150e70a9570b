//! Helpers of the tests: random tensors, comparison, gradients by central differences.

use crate::error::Result;
use candle_core::{Device, Tensor, Var};

/// Normal float64 values.
pub(crate) fn random(seed: u64, shape: &[usize]) -> Result<Tensor> {
    Ok(Tensor::from_vec(normal(seed, shape.iter().product()), shape, &Device::Cpu)?)
}

/// `count` draws of a standard normal distribution (splitmix64, Box and Muller).
pub(crate) fn normal(seed: u64, count: usize) -> Vec<f64> {
    let mut state = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut uniform = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 * (-53f64).exp2()
    };
    // `1 - u` keeps the logarithm finite.
    let mut draw = || (-2.0 * (1.0 - uniform()).ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos();
    (0..count).map(|_| draw()).collect()
}

/// Asserts that two float64 tensors have one shape and differ by no more than `tolerance` times the largest value.
#[track_caller]
pub(crate) fn assert_close(found: &Tensor, expected: &Tensor, tolerance: f64) {
    assert_eq!(found.dims(), expected.dims());
    let list = |t: &Tensor| t.flatten_all().and_then(|t| t.to_vec1::<f64>()).expect("float64");
    let (found, expected) = (list(found), list(expected));
    let scale = expected.iter().fold(1e-300f64, |m, v| m.max(v.abs()));
    for (i, (a, b)) in found.iter().zip(&expected).enumerate() {
        assert!((a - b).abs() <= tolerance * scale, "element {i}: {a} instead of {b} (scale {scale})");
    }
}

/// Compares the gradient of `sum(f(arguments) * weights)` by every argument with central differences.
pub(crate) fn check_gradients(arguments: &[Tensor], f: impl Fn(&[Tensor]) -> Result<Tensor>) -> Result<()> {
    let vars = arguments.iter().map(Var::from_tensor).collect::<candle_core::Result<Vec<_>>>()?;
    let tensors: Vec<Tensor> = vars.iter().map(|v| v.as_tensor().clone()).collect();
    let y = f(&tensors)?;
    // Every second column first: a transposed weight makes the incoming gradient non-contiguous as well.
    let weights = random(99, y.dims())?;
    let weights = match y.rank() {
        0 | 1 => weights,
        n => weights.transpose(n - 2, n - 1)?.contiguous()?.transpose(n - 2, n - 1)?,
    };
    let grads = (y * &weights)?.sum_all()?.backward()?;
    for (i, argument) in arguments.iter().enumerate() {
        let found = grads.get(vars[i].as_tensor()).expect("a gradient for every argument");
        let values = argument.flatten_all()?.to_vec1::<f64>()?;
        let h = 1e-5;
        // All of a small argument, a sample of a large one.
        let step = values.len() / 60 + 1;
        let mut expected = Vec::new();
        for j in (0..values.len()).step_by(step) {
            let moved = |by: f64| -> Result<f64> {
                let mut values = values.clone();
                values[j] += by;
                let mut all: Vec<Tensor> = arguments.to_vec();
                all[i] = Tensor::from_vec(values, argument.shape(), &Device::Cpu)?;
                Ok((f(&all)? * &weights)?.sum_all()?.to_scalar::<f64>()?)
            };
            expected.push((moved(h)? - moved(-h)?) / (2.0 * h));
        }
        let found = found.flatten_all()?.to_vec1::<f64>()?;
        let scale = expected.iter().fold(1.0f64, |m, v| m.max(v.abs()));
        for (found, expected) in found.iter().step_by(step).zip(expected) {
            let near = (found - expected).abs() <= 1e-7 * scale;
            assert!(near, "argument {i}: gradient {found}, difference {expected}");
        }
    }
    Ok(())
}

//! Every kernel against a scalar twin, over shapes drawn at random, in float64 and float32, on every path.
//!
//! What fails is shrunk to a small shape before it is told.

mod attention;
mod columns;
mod contrast;
pub(crate) mod conv;
pub(crate) mod maps;
mod mlp;
mod rounded;

use crate::cpu::runs_kernels;
use crate::error::Result;
use crate::testing::{assert_close, check_gradients, random};
use candle_core::{DType, Device, Tensor, Var};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

/// Runs `check` on that many values of the strategy, the same ones each time.
pub(crate) fn drawn<S: Strategy>(cases: u32, strategy: S, check: impl Fn(S::Value) -> Result<()>) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let check = |value| check(value).map_err(|error| TestCaseError::fail(error.to_string()));
    if let Err(error) = runner.run(&strategy, check) {
        panic!("{error}");
    }
}

/// Normal values that float32 holds exactly, so that both element types see the same.
fn values(seed: u64, shape: &[usize]) -> Result<Tensor> {
    Ok(random(seed, shape)?.to_dtype(DType::F32)?.to_dtype(DType::F64)?)
}

fn list(x: &Tensor) -> Result<Vec<f64>> {
    Ok(x.flatten_all()?.to_vec1()?)
}

fn tensor(values: Vec<f64>, shape: &[usize]) -> Result<Tensor> {
    Ok(Tensor::from_vec(values, shape, &Device::Cpu)?)
}

fn narrow(tensors: &[Tensor]) -> Result<Vec<Tensor>> {
    Ok(tensors.iter().map(|x| x.to_dtype(DType::F32)).collect::<candle_core::Result<_>>()?)
}

/// Compares `op` with what its twin says: float64 to rounding, float32 to `tolerance` times the largest value.
#[track_caller]
fn compare(
    arguments: &[Tensor],
    expected: &Tensor,
    tolerance: f64,
    op: impl Fn(&[Tensor]) -> Result<Tensor>,
) -> Result<()> {
    assert_close(&op(arguments)?, expected, 1e-11);
    assert_close(&op(&narrow(arguments)?)?.to_dtype(DType::F64)?, expected, tolerance);
    Ok(())
}

/// The gradients of `sum(op * weights)` by all arguments, in their element type.
fn gradients(
    arguments: &[Tensor],
    weights: &Tensor,
    op: impl Fn(&[Tensor]) -> Result<Tensor>,
) -> Result<Vec<Tensor>> {
    let vars = arguments.iter().map(Var::from_tensor).collect::<candle_core::Result<Vec<_>>>()?;
    let tensors: Vec<Tensor> = vars.iter().map(|var| var.as_tensor().clone()).collect();
    let y = op(&tensors)?;
    let grads = (&y * weights.to_dtype(y.dtype())?)?.sum_all()?.backward()?;
    Ok(tensors
        .iter()
        .map(|x| grads.get(x).cloned().map_or_else(|| x.zeros_like(), Ok))
        .collect::<candle_core::Result<_>>()?)
}

/// Whether gradients are compared: those of Candle's convolutions fail at some sizes.
fn has_gradients() -> bool {
    runs_kernels(&Device::Cpu)
}

/// Compares the gradients of `op`: float64 with differences, float32 with float64.
#[track_caller]
fn compare_gradients(
    arguments: &[Tensor],
    tolerance: f64,
    op: impl Fn(&[Tensor]) -> Result<Tensor>,
) -> Result<()> {
    if !has_gradients() {
        return Ok(());
    }
    check_gradients(arguments, &op)?;
    let weights = values(98, op(arguments)?.dims())?;
    let expected = gradients(arguments, &weights, &op)?;
    for (found, expected) in gradients(&narrow(arguments)?, &weights, &op)?.iter().zip(&expected) {
        assert_close(&found.to_dtype(DType::F64)?, expected, tolerance);
    }
    Ok(())
}

/// A path is chosen once in a process, so the other ones are tried in processes of their own: all tests of the kernels
/// where kernels run, the comparisons with the twins where Candle's operations or emulated kernels of GPUs do.
#[test]
fn the_other_paths_pass_too() -> Result<()> {
    if std::env::var_os("KMAX_CPU").is_some() {
        return Ok(());
    }
    let fail = |error: std::io::Error| candle_core::Error::wrap(error);
    let mut paths = vec![
        ("portable", &["::"][..]),
        ("candle", &["twins::"]),
        ("emulated", &["twins::", "device::", "gpu::"]),
    ];
    if cfg!(target_arch = "x86_64") {
        paths.push(("avx2", &["::"]));
    }
    // What that path does otherwise.
    if crate::multiplies_bfloat16() || crate::multiplies_int8() {
        paths.push((
            "avx512",
            &["bfloat16", "pairs", "int8", "quads", "norm_expansion", "rounded", "stored", "halved"],
        ));
    }
    // Who has Rust may have no C++; who insists on reference values gets no less of this.
    if !crate::gpu::has_compiler() && std::env::var_os("KMAX_REQUIRE_GOLDENS").is_none() {
        println!("skipped: no C++ compiler for the emulation of GPUs (c++, or CXX)");
        paths.retain(|(path, _)| *path != "emulated");
    }
    // The backtraces of a search for the smallest failure are long.
    for (path, tests) in paths {
        let program = std::env::current_exe().map_err(fail)?;
        let run = std::process::Command::new(program)
            .args(tests)
            .envs([("KMAX_CPU", path), ("RUST_BACKTRACE", "0")])
            .output()
            .map_err(fail)?;
        let told = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success() && !told.contains(" 0 passed"), "KMAX_CPU={path}: {told}");
    }
    Ok(())
}

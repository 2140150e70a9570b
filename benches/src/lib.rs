//! What the criterion benches and the measuring examples share: operations at real shapes, whole models, clocks.

mod clock;
pub mod convolutions;
pub mod masks;
pub mod models;
mod operation;
pub mod operations;

pub use clock::{cpu_seconds, forget_peak, page_faults, peak_rss_mb};
pub use operation::Operation;

use candle_core::{DType, Device, Result, Tensor};
use criterion::Criterion;
use std::hint::black_box;
use std::time::Duration;

/// The program's allocator: without it, page faults of fresh buffers would be measured.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Short runs: comparisons, not exact times.
pub fn criterion() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600))
        .configure_from_args()
}

/// Normal float32 values.
///
/// # Errors
/// If Candle fails.
pub fn random(shape: &[usize]) -> Result<Tensor> {
    Tensor::randn(0f64, 1.0, shape, &Device::Cpu)?.to_dtype(DType::F32)
}

/// Benches operations: forward, or with their gradients.
///
/// # Panics
/// If an operation fails.
pub fn bench(
    c: &mut Criterion,
    operations: impl Iterator<Item = kmax_nn::Result<Operation>>,
    training: bool,
) {
    for operation in operations {
        let operation = operation.expect("an operation");
        let kind = if training { "training" } else { "forward" };
        c.bench_function(&format!("{kind} {}", operation.name), |b| match training {
            true => b.iter(|| operation.training().expect("a training step")),
            false => b.iter(|| black_box(operation.forward().expect("a result"))),
        });
    }
}

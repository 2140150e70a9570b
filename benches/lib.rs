//! Shared helpers of the criterion benches.

use candle_core::{DType, Device, Result, Tensor};
use criterion::Criterion;
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

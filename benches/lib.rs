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

/// CPU seconds that all threads of this process have used so far.
pub fn cpu_seconds() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let nanos = tasks.filter_map(|task| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    });
    nanos.sum::<f64>() * 1e-9
}

/// Minor page faults of this process so far.
pub fn page_faults() -> u64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    text.split(' ').nth(9).and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// The largest resident memory of this process so far, in megabytes of 10^6 bytes.
pub fn peak_rss_mb() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse::<f64>().ok());
    kib.unwrap_or(0.0) * 1.024e-3
}

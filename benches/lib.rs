//! Shared helpers of the criterion benches.

use candle_core::{DType, Device, Result, Tensor};
use criterion::Criterion;
use kmax::{KMaxDeepLab, NetworkConfig};
use kmax_backbones::{BackboneConfig, ConvNeXtSize};
use kmax_nn::Params;
use std::collections::HashMap;
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

/// The shape of a model that the benches know.
pub fn config(name: &str) -> Option<NetworkConfig> {
    let convnext = |size| NetworkConfig::port(BackboneConfig::convnext(size, 0.0), 133);
    Some(match name {
        "resnet50" => NetworkConfig::port(BackboneConfig::resnet50_port(), 133),
        "convnext_tiny" => convnext(ConvNeXtSize::Tiny),
        "convnext_large" => convnext(ConvNeXtSize::Large),
        "max_s" => NetworkConfig::tf(BackboneConfig::max_s(), 133),
        "small" => NetworkConfig::small(16),
        _ => return None,
    })
}

/// The network with random weights, frozen as a loaded model is.
///
/// # Errors
/// If Candle fails.
pub fn network(config: &NetworkConfig) -> kmax::Result<KMaxDeepLab> {
    let params = Params::trainable(None, 1, DType::F32, &Device::Cpu);
    KMaxDeepLab::new(config, &params)?;
    let values: HashMap<_, _> =
        params.parameters().into_iter().map(|p| (p.name, p.var.as_tensor().detach())).collect();
    KMaxDeepLab::new(config, &Params::frozen(values, DType::F32, &Device::Cpu))
}

/// [`network`] of a [`config`], if there is one of that name.
///
/// # Errors
/// If Candle fails.
pub fn model(name: &str) -> kmax::Result<Option<KMaxDeepLab>> {
    config(name).map(|config| network(&config)).transpose()
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

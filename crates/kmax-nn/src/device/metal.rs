//! GPUs of Apple's.

use super::machine::Backend;

#[cfg(not(feature = "metal"))]
pub(super) fn list() -> Backend {
    Backend::NotBuilt
}

#[cfg(feature = "metal")]
pub(super) fn list() -> Backend {
    use super::machine::Gpu;
    use candle_core::{DType, MetalDevice};

    /// Apple's device under Candle's: it has no other name here.
    type Bare = <MetalDevice as std::ops::Deref>::Target;

    let gpu = |device: Bare| {
        let (memory, used) = (device.recommended_max_working_set_size(), device.current_allocated_size());
        Gpu {
            name: device.architecture_name(),
            memory: memory as u64,
            free: memory.saturating_sub(used) as u64,
            driver: None,
            capability: None,
            // Candle has kernels for bfloat16 only where the system's compiler knows the type; that is not asked.
            dtypes: vec![DType::F32, DType::F16],
        }
    };
    let gpus: Vec<Gpu> = Bare::all().into_iter().map(gpu).collect();
    if gpus.is_empty() { Backend::Unusable("the system knows no GPU".into()) } else { Backend::Found(gpus) }
}

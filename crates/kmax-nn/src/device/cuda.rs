//! NVIDIA's GPUs.

use super::machine::Backend;

#[cfg(not(feature = "cuda"))]
pub(super) fn list() -> Backend {
    Backend::NotBuilt
}

#[cfg(feature = "cuda")]
pub(super) use built::list;

#[cfg(feature = "cuda")]
mod built {
    use super::Backend;
    use crate::device::machine::Gpu;
    use candle_core::DType;
    use candle_core::cuda_backend::cudarc::driver::{CudaContext, DriverError};
    use std::path::Path;

    /// Where the driver of Linux says its version.
    const VERSION: &str = "/proc/driver/nvidia/version";

    pub fn list() -> Backend {
        let count = match CudaContext::device_count() {
            Ok(count) => count.max(0) as usize,
            Err(error) => return Backend::Unusable(reason(&error)),
        };
        if count == 0 {
            return Backend::Unusable("the NVIDIA driver sees no GPU".into());
        }
        let driver = kmax_base::read::read_text(Path::new(VERSION), 1 << 16).ok();
        let driver = driver.as_deref().and_then(version);
        match (0..count).map(|number| gpu(number, driver.clone())).collect::<Result<_, _>>() {
            Ok(gpus) => Backend::Found(gpus),
            Err(error) => Backend::Unusable(reason(&error)),
        }
    }

    fn gpu(number: usize, driver: Option<String>) -> Result<Gpu, DriverError> {
        let context = CudaContext::new(number)?;
        let (major, minor) = context.compute_capability()?;
        let (free, memory) = context.mem_get_info()?;
        // Candle's kernels for bfloat16 are left out of what is compiled for older ones.
        let types = [(DType::F32, 0), (DType::F16, 6), (DType::BF16, 8)];
        Ok(Gpu {
            name: context.name()?,
            memory: memory as u64,
            free: free as u64,
            driver,
            capability: Some([major as u32, minor as u32]),
            dtypes: types.into_iter().filter(|(_, least)| major >= *least).map(|(dtype, _)| dtype).collect(),
        })
    }

    /// The driver's own word for the fault is asked of the driver, which may not be there: its name does.
    fn reason(error: &DriverError) -> String {
        format!("the NVIDIA driver is not there or sees no GPU ({:?})", error.0)
    }

    /// Of a text such as `NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06  …`: the first number with two parts or more.
    fn version(text: &str) -> Option<String> {
        let is_version = |word: &&str| {
            let mut parts = word.split('.');
            let whole =
                parts.by_ref().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
            whole && word.contains('.')
        };
        text.lines().next()?.split_whitespace().find(is_version).map(str::to_owned)
    }
}

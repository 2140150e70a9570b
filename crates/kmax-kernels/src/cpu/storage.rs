//! Borrowing and making the storage of Candle's tensors.

use super::dispatch::candle_only;
use candle_core::{CpuStorage, DType, Device, Layout, Result, Shape, Storage, Tensor, WithDType, bail};
use std::ops::Deref;

/// Whether there are kernels for this device, and the environment does not forbid them.
pub fn runs_kernels(device: &Device) -> bool {
    device.is_cpu() && !candle_only()
}

/// Whether networks on this device can multiply rounded [`Factors`](crate::Factors) in float32.
pub fn rounds_factors(device: &Device) -> bool {
    runs_kernels(device) && !super::emulated()
}

/// Whether the CPU kernels take this tensor; others go through Candle's operations.
pub fn has_kernel(x: &Tensor) -> bool {
    // Those of GPUs know no float64, so that they are compared with ours in one process.
    if super::emulated() && x.dtype() != DType::F64 {
        return false;
    }
    runs_kernels(x.device()) && matches!(x.dtype(), DType::F32 | DType::F64)
}

/// Whether the CPU kernels of maps take this tensor: what [`has_kernel`] says, and maps in bfloat16 without a gradient.
pub(crate) fn has_map_kernel(x: &Tensor) -> bool {
    let rounded = x.dtype() == DType::BF16 && rounds_factors(x.device()) && !x.track_op();
    rounded || has_kernel(x)
}

/// `f` of `x`, in float32 where `x` has half precision: sums and small constants need the range and the digits.
pub(crate) fn in_float32(
    x: &Tensor,
    f: impl FnOnce(&Tensor) -> crate::error::Result<Tensor>,
) -> crate::error::Result<Tensor> {
    match x.dtype() {
        DType::F16 | DType::BF16 => Ok(f(&x.to_dtype(DType::F32)?)?.to_dtype(x.dtype())?),
        _ => f(x),
    }
}

/// The elements of a contiguous tensor.
pub(crate) fn elements<'a, T: WithDType>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [T]> {
    let Some((start, end)) = layout.contiguous_offsets() else { bail!("kernels want contiguous tensors") };
    Ok(&T::cpu_storage_as_slice(storage)?[start..end])
}

/// A tensor's storage, held for reading by a guard.
pub(crate) struct Held<G>(G, Layout);

/// Holds the storage of `tensor`, which must be contiguous and on the CPU.
pub(crate) fn hold(tensor: &Tensor) -> Held<impl Deref<Target = Storage>> {
    let (storage, layout) = tensor.storage_and_layout();
    Held(storage, layout.clone())
}

impl<G: Deref<Target = Storage>> Held<G> {
    /// Its elements.
    pub(crate) fn elements<T: WithDType>(&self) -> Result<&[T]> {
        match &*self.0 {
            Storage::Cpu(storage) => elements(storage, &self.1),
            _ => bail!("kernels want tensors on the CPU"),
        }
    }
}

/// Runs `$body` with `$t` standing for the element type of the tensor `$tensor`.
macro_rules! with_dtype {
    ($tensor:expr, $t:ident => $body:expr) => {
        match $tensor.dtype() {
            candle_core::DType::F32 => {
                type $t = f32;
                $body
            }
            candle_core::DType::F64 => {
                type $t = f64;
                $body
            }
            other => Err(candle_core::Error::Msg(format!("kernels want float32 or float64, not {other:?}"))),
        }
    };
}
pub(crate) use with_dtype;

/// Runs `$body` with `$t` standing for the element type of `$storage`, and wraps the `Vec<$t>` and the shape that
/// it gives.
macro_rules! by_dtype {
    ($storage:expr, $t:ident => $body:expr) => {
        match $storage {
            candle_core::CpuStorage::F32(_) => {
                type $t = f32;
                $crate::cpu::wrap::<f32>($body)
            }
            candle_core::CpuStorage::F64(_) => {
                type $t = f64;
                $crate::cpu::wrap::<f64>($body)
            }
            _ => Err(candle_core::Error::Msg("kernels want float32 or float64".into())),
        }
    };
}
pub(crate) use by_dtype;

pub(crate) fn wrap<T: WithDType>((values, shape): (Vec<T>, Shape)) -> Result<(CpuStorage, Shape)> {
    Ok((T::to_cpu_storage_owned(values), shape))
}

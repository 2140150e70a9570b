//! Kernels on GPUs: their text, how each is launched, and who launches it.
//!
//! The text is in the crate's folder `gpu`, one for all targets. An operation says with a [`Launch`] which kernel it wants, for how many
//! blocks and with which numbers; [`launched`] runs that on the device of its tensors. The same launches run in an emulation on the
//! processor (`KMAX_CPU=emulated`): in the tests, against the scalar twins of the CPU kernels, and in the device check's dry run.

mod attached;
#[cfg(feature = "cuda")]
mod cuda;
#[cfg(unix)]
mod emulated;
mod launch;
mod source;
#[cfg(test)]
mod table;
#[cfg(test)]
mod tests;

pub(crate) use attached::{attached, attached_to};
#[cfg(all(test, unix))]
pub(crate) use emulated::has_compiler;
pub(crate) use launch::{Launch, THREADS, launched, one_launched};
pub(crate) use source::Module;

use candle_core::{DType, Device, Tensor};

/// There is no emulation.
#[cfg(all(test, not(unix)))]
pub(crate) fn has_compiler() -> bool {
    false
}

/// Whether our kernels run on this device, which is not the processor.
pub fn has_gpu_kernels(device: &Device) -> bool {
    if crate::cpu::emulated() {
        return device.is_cpu();
    }
    cfg!(feature = "cuda") && device.is_cuda()
}

/// Whether they take this tensor. Those that do not go through Candle's operations, as float64 does.
pub(crate) fn takes(x: &Tensor) -> bool {
    has_gpu_kernels(x.device())
        && matches!(x.dtype(), DType::F32 | DType::F16 | DType::BF16)
        && x.elem_count() > 0
}

//! What the CPU kernels share: instruction sets, element types, storage and memory.

mod buffer;
mod dispatch;
mod float;
mod special;
mod storage;
mod vector;

pub(crate) use buffer::{Shared, all_written, copied, to_write, with_buffer, written, zeroed};
pub use dispatch::kernels;
pub(crate) use dispatch::{Isa, Kernel, by_path, emulated, run, simd_fn};
pub(crate) use float::Float;
pub(crate) use storage::{by_dtype, elements, hold, in_float32, with_dtype, wrap};
pub use storage::{has_kernel, runs_kernels};
pub(crate) use vector::Vector;

#[cfg(target_arch = "aarch64")]
pub(crate) use dispatch::Neon;
pub(crate) use dispatch::Portable;
#[cfg(target_arch = "x86_64")]
pub(crate) use dispatch::{Avx2, Avx512};
pub(crate) use dispatch::{Level, level};

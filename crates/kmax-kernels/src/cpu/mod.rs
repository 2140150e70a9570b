//! What the CPU kernels share: instruction sets, element types, storage and memory.

mod bfloat16;
mod buffer;
mod dispatch;
mod float;
mod int8;
mod special;
mod storage;
mod stored;
mod vector;

pub(crate) use bfloat16::{join, of_pair, pair, run_pairs};
pub(crate) use buffer::{Plain, Shared, all_written, copied, to_write, with_buffer, written, zeroed};
pub(crate) use dispatch::{Isa, Kernel, by_path, emulated, grouped_paths, run, simd_fn};
pub use dispatch::{kernels, multiplies_bfloat16, multiplies_int8};
pub(crate) use float::Float;
pub(crate) use int8::{Columns, Ranges, join_quads, quad, run_quads, signed};
pub use int8::{weight_scale, weight_steps};
pub(crate) use storage::has_map_kernel;
pub(crate) use storage::{Held, by_dtype, elements, hold, in_float32, with_dtype, wrap};
pub use storage::{has_kernel, rounds_factors, runs_kernels};
pub(crate) use stored::{Stored, by_stored, computed};
pub(crate) use vector::{REACH, Vector};

#[cfg(target_arch = "aarch64")]
pub(crate) use dispatch::Neon;
pub(crate) use dispatch::Portable;
#[cfg(target_arch = "x86_64")]
pub(crate) use dispatch::{Avx2, Avx512};
pub(crate) use dispatch::{Level, level};

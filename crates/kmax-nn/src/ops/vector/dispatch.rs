//! The choice of a register when the program runs.

use super::{Array, Vector};
use crate::ops::real::Real;
use crate::ops::simd::{Level, level};

/// A body written once for all registers.
pub(crate) trait Kernel<T: Real> {
    /// What it gives.
    type Output;

    /// Does it with `V`. Implementations are always inlined, into a function that has the instructions enabled.
    ///
    /// # Safety
    /// The machine has the instructions of `V`, and what the kernel itself asks for.
    unsafe fn run<V: Vector<T>>(self) -> Self::Output;
}

/// Runs `kernel` with the registers of this path: of [`Real`]'s, those of [`level`].
///
/// # Safety
/// What the kernel itself asks for.
pub(crate) unsafe fn run<T: Real, K: Kernel<T>>(kernel: K) -> K::Output {
    // SAFETY: `level` answers only what the machine has, and an array needs no instructions; the caller's promise.
    unsafe {
        match level() {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => avx512(kernel),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => avx2(kernel),
            #[cfg(target_arch = "aarch64")]
            Level::Neon => neon(kernel),
            Level::Portable => kernel.run::<Array<T>>(),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn avx512<T: Real, K: Kernel<T>>(kernel: K) -> K::Output {
    // SAFETY: the caller's promises.
    unsafe { kernel.run::<T::Avx512>() }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2<T: Real, K: Kernel<T>>(kernel: K) -> K::Output {
    // SAFETY: the caller's promises.
    unsafe { kernel.run::<T::Avx2>() }
}

#[cfg(target_arch = "aarch64")]
#[target_feature(enable = "neon")]
unsafe fn neon<T: Real, K: Kernel<T>>(kernel: K) -> K::Output {
    // SAFETY: the caller's promises.
    unsafe { kernel.run::<T::Neon>() }
}

//! What the CPU kernels share: element types, borrowing storage, output buffers.

use super::simd::{Isa, candle_only};
use super::special;
use super::vector::{Array, Vector};
use candle_core::{CpuStorage, DType, Device, Layout, Result, Shape, Storage, Tensor, WithDType, bail};
use std::ops::{Add, Deref, Div, Mul, Neg, Sub};

/// `f32` or `f64`: `f64` serves gradient checks and float64 references.
pub(crate) trait Real:
    WithDType
    + Default
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// The registers of AVX-512, if a kernel says what stands in them.
    #[cfg(target_arch = "x86_64")]
    type Avx512: Vector<Self>;
    /// As the former, of AVX2.
    #[cfg(target_arch = "x86_64")]
    type Avx2: Vector<Self>;
    /// As the former, of NEON.
    #[cfg(target_arch = "aarch64")]
    type Neon: Vector<Self>;
    /// Zero.
    const ZERO: Self;
    /// One.
    const ONE: Self;
    /// `self * a + b` with one rounding: only where the instruction exists.
    fn fused(self, a: Self, b: Self) -> Self;
    /// The larger; the other one if one is NaN.
    fn maximum(self, other: Self) -> Self;
    /// The square root.
    fn root(self) -> Self;
    /// From `f64`, rounded.
    fn of(value: f64) -> Self;
    /// To `f64`.
    fn wide(self) -> f64;
    /// The standard normal distribution function, `(1 + erf(self / sqrt 2)) / 2`, to 8e-7 in `f32`.
    fn normal_cdf<I: Isa>(self) -> Self;
    /// That times `self`, to 1.3e-7 and one rounding in `f32`.
    fn gelu<I: Isa>(self) -> Self;
    /// `e^self` in branch-free arithmetic that compilers turn into vectors; within 2 units in the last place
    /// between underflow and overflow (`f32`), the library's own in `f64`.
    fn exponential<I: Isa>(self) -> Self;
    /// The same for |self| < 87 alone, and cheaper.
    fn bounded_exponential<I: Isa>(self) -> Self;
}

macro_rules! real {
    ($t:ident, $exp:expr, $bounded:expr, $cdf:expr, $gelu:expr, [$avx512:ty, $avx2:ty, $neon:ty]) => {
        impl Real for $t {
            #[cfg(target_arch = "x86_64")]
            type Avx512 = $avx512;
            #[cfg(target_arch = "x86_64")]
            type Avx2 = $avx2;
            #[cfg(target_arch = "aarch64")]
            type Neon = $neon;
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            #[inline(always)]
            fn fused(self, a: Self, b: Self) -> Self {
                self.mul_add(a, b)
            }
            #[inline(always)]
            fn maximum(self, other: Self) -> Self {
                if self > other { self } else { other }
            }
            #[inline(always)]
            fn root(self) -> Self {
                self.sqrt()
            }
            #[inline(always)]
            fn of(value: f64) -> Self {
                value as $t
            }
            #[inline(always)]
            fn wide(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn normal_cdf<I: Isa>(self) -> Self {
                $cdf(self)
            }
            #[inline(always)]
            fn gelu<I: Isa>(self) -> Self {
                $gelu(self)
            }
            #[inline(always)]
            fn exponential<I: Isa>(self) -> Self {
                $exp(self)
            }
            #[inline(always)]
            fn bounded_exponential<I: Isa>(self) -> Self {
                $bounded(self)
            }
        }
    };
}
real!(
    f32,
    special::exp32::<I>,
    special::bounded_exp32::<I>,
    special::normal_cdf32::<I>,
    special::gelu32::<I>,
    [std::arch::x86_64::__m512, std::arch::x86_64::__m256, std::arch::aarch64::float32x4_t]
);
real!(
    f64,
    f64::exp,
    f64::exp,
    special::normal_cdf64,
    special::gelu64,
    [Array<f64>, Array<f64>, Array<f64>]
);

/// Whether there are kernels for this device, and the environment does not forbid them.
pub(crate) fn runs_kernels(device: &Device) -> bool {
    device.is_cpu() && !candle_only()
}

/// Whether the CPU kernels take this tensor; others go through Candle's operations.
pub(crate) fn has_kernel(x: &Tensor) -> bool {
    runs_kernels(x.device()) && matches!(x.dtype(), DType::F32 | DType::F64)
}

/// The elements of a contiguous tensor.
pub(crate) fn elements<'a, T: Real>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [T]> {
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
    pub(crate) fn elements<T: Real>(&self) -> Result<&[T]> {
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
                $crate::ops::real::wrap::<f32>($body)
            }
            candle_core::CpuStorage::F64(_) => {
                type $t = f64;
                $crate::ops::real::wrap::<f64>($body)
            }
            _ => Err(candle_core::Error::Msg("kernels want float32 or float64".into())),
        }
    };
}
pub(crate) use by_dtype;

pub(crate) fn wrap<T: Real>((values, shape): (Vec<T>, Shape)) -> Result<(CpuStorage, Shape)> {
    Ok((T::to_cpu_storage_owned(values), shape))
}

/// A buffer of `len` elements that `fill` must write in full, without the cost of zeroing it first.
///
/// # Safety
/// `fill` writes every element and reads none that it has not written.
pub(crate) unsafe fn written<T: Real>(len: usize, fill: impl FnOnce(&mut [T])) -> Vec<T> {
    let mut values = Vec::<T>::with_capacity(len);
    // SAFETY: the allocation holds `len` elements, borrowed by `fill` alone, which only writes (caller's promise).
    fill(unsafe { std::slice::from_raw_parts_mut(values.as_mut_ptr(), len) });
    // SAFETY: all `len` elements are written now.
    unsafe { values.set_len(len) };
    values
}

/// A pointer that parallel tasks share to write disjoint parts of one buffer.
#[derive(Clone, Copy)]
pub(crate) struct Shared<T>(*mut T);

// SAFETY: the pointer is only a place; each task writes elements that no other task touches.
unsafe impl<T: Send> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    pub(crate) fn new(buffer: &mut [T]) -> Self {
        Self(buffer.as_mut_ptr())
    }

    /// The place `offset` elements in.
    ///
    /// # Safety
    /// `offset` lies within the buffer.
    pub(crate) unsafe fn at(self, offset: usize) -> *mut T {
        // SAFETY: within the buffer by the caller's promise.
        unsafe { self.0.add(offset) }
    }

    /// `len` elements from `offset`.
    ///
    /// # Safety
    /// The range lies within the buffer, the buffer lives, and nobody else touches the range meanwhile.
    pub(crate) unsafe fn slice<'a>(self, offset: usize, len: usize) -> &'a mut [T] {
        // SAFETY: by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(offset), len) }
    }
}

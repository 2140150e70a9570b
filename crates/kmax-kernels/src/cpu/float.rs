//! The element types of the kernels.

use super::buffer::Plain;
use super::dispatch::Isa;
use super::special;
use super::vector::{Array, Vector};
use candle_core::WithDType;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// `f32` or `f64`: `f64` serves gradient checks and float64 references.
pub(crate) trait Float:
    WithDType
    + Plain
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

macro_rules! float {
    ($t:ident, $exp:expr, $bounded:expr, $cdf:expr, $gelu:expr, [$avx512:ty, $avx2:ty, $neon:ty]) => {
        impl Float for $t {
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
float!(
    f32,
    special::exp32::<I>,
    special::bounded_exp32::<I>,
    special::normal_cdf32::<I>,
    special::gelu32::<I>,
    [std::arch::x86_64::__m512, std::arch::x86_64::__m256, std::arch::aarch64::float32x4_t]
);
float!(
    f64,
    f64::exp,
    f64::exp,
    special::normal_cdf64,
    special::gelu64,
    [Array<f64>, Array<f64>, Array<f64>]
);

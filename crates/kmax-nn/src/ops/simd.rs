//! One body, several instruction sets, chosen when the program runs.
//!
//! The environment variable `KMAX_CPU` (`avx512`, `avx2`, `neon` or `portable`) forces a path that the machine has;
//! anything else, or a path that it has not, means the best one. With `candle`, a network runs on Candle's operations
//! instead, as on other devices.

use super::real::Real;
use std::sync::OnceLock;

/// An instruction set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// What every machine of the architecture has.
    Portable,
    /// NEON, which every 64-bit Arm has: registers in place of [`Array`](super::vector::Array).
    #[cfg(target_arch = "aarch64")]
    Neon,
    /// AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 F, BW, DQ, VL.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

/// The best level of this machine, unless the environment forces a lower one.
pub(crate) fn level() -> Level {
    static LEVEL: OnceLock<Level> = OnceLock::new();
    *LEVEL.get_or_init(|| {
        let best = detected();
        match std::env::var("KMAX_CPU").as_deref() {
            Ok("portable") => Level::Portable,
            #[cfg(target_arch = "x86_64")]
            Ok("avx2") => best.min(Level::Avx2),
            _ => best,
        }
    })
}

/// The name of the kernels that run here, as `KMAX_CPU` spells it.
pub fn kernels() -> &'static str {
    if candle_only() {
        return "candle";
    }
    match level() {
        Level::Portable => "portable",
        #[cfg(target_arch = "aarch64")]
        Level::Neon => "neon",
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => "avx2",
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => "avx512",
    }
}

/// Whether the environment asks for Candle's operations where they can replace a kernel.
pub(crate) fn candle_only() -> bool {
    static ONLY: OnceLock<bool> = OnceLock::new();
    *ONLY.get_or_init(|| std::env::var("KMAX_CPU").as_deref() == Ok("candle"))
}

#[cfg(target_arch = "x86_64")]
fn detected() -> Level {
    let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    let avx512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl");
    match (avx2, avx512) {
        (true, true) => Level::Avx512,
        (true, false) => Level::Avx2,
        _ => Level::Portable,
    }
}

#[cfg(target_arch = "aarch64")]
fn detected() -> Level {
    Level::Neon
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn detected() -> Level {
    Level::Portable
}

/// How a body multiplies and adds.
pub(crate) trait Isa {
    /// `a * b + c`.
    fn mul_add<T: Real>(a: T, b: T, c: T) -> T;
}

/// With the fused instruction.
pub(crate) struct Fused;
/// Two instructions: without hardware support the fused form is a slow library call.
#[cfg(not(target_arch = "aarch64"))]
pub(crate) struct Separate;
/// Every 64-bit Arm has the fused instruction.
#[cfg(target_arch = "aarch64")]
pub(crate) type Separate = Fused;

impl Isa for Fused {
    #[inline(always)]
    fn mul_add<T: Real>(a: T, b: T, c: T) -> T {
        a.fused(b, c)
    }
}

#[cfg(not(target_arch = "aarch64"))]
impl Isa for Separate {
    #[inline(always)]
    fn mul_add<T: Real>(a: T, b: T, c: T) -> T {
        a * b + c
    }
}

/// Defines a function whose body is compiled once per instruction set and picked by [`level`]. What every machine of the
/// architecture has needs no second copy: on 64-bit Arm that is NEON already.
///
/// `simd_fn! { fn name[I, T, const N: usize](x: &[T]) -> T { … } }`: `I` names the [`Isa`], `T` the [`Real`].
macro_rules! simd_fn {
    ($(#[$meta:meta])* $vis:vis fn $name:ident [$isa:ident, $t:ident $(, const $n:ident : usize)*]
     ($($arg:ident : $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments)]
        $vis fn $name<$t: $crate::ops::real::Real $(, const $n: usize)*>($($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            #[allow(clippy::too_many_arguments)]
            fn body<$isa: $crate::ops::simd::Isa, $t: $crate::ops::real::Real $(, const $n: usize)*>(
                $($arg: $ty),*
            ) $(-> $ret)? $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
            #[allow(clippy::too_many_arguments)]
            fn avx512<$t: $crate::ops::real::Real $(, const $n: usize)*>($($arg: $ty),*) $(-> $ret)? {
                body::<$crate::ops::simd::Fused, $t $(, $n)*>($($arg),*)
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            #[allow(clippy::too_many_arguments)]
            fn avx2<$t: $crate::ops::real::Real $(, const $n: usize)*>($($arg: $ty),*) $(-> $ret)? {
                body::<$crate::ops::simd::Fused, $t $(, $n)*>($($arg),*)
            }

            match $crate::ops::simd::level() {
                // SAFETY: `level` answers this only where the processor has these instructions.
                #[cfg(target_arch = "x86_64")]
                $crate::ops::simd::Level::Avx512 => unsafe { avx512::<$t $(, $n)*>($($arg),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                $crate::ops::simd::Level::Avx2 => unsafe { avx2::<$t $(, $n)*>($($arg),*) },
                _ => body::<$crate::ops::simd::Separate, $t $(, $n)*>($($arg),*),
            }
        }
    };
}
pub(crate) use simd_fn;

//! One body, several instruction sets, chosen when the program runs.
//!
//! The environment variable `KMAX_CPU` (`avx512`, `avx2`, `neon` or `portable`) forces a path that the machine has;
//! anything else, or a path that it has not, means the best one. `avx512` is that path without AVX-512's products of
//! bfloat16 and of 8-bit integers, which are then made of others. With `candle`, a network runs on Candle's operations
//! instead, as on other devices. With `emulated`, where there are Unix and a C++ compiler, the kernels of GPUs do what is not
//! float64, in an emulation that is slow and finds mistakes.

use super::float::Float;
use super::vector::{Array, Vector};
use std::sync::OnceLock;

/// A set of instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// What every machine of the architecture has.
    Portable,
    /// NEON, which every 64-bit Arm has.
    #[cfg(target_arch = "aarch64")]
    Neon,
    /// AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 F, BW, DQ, VL.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

/// What runs: decided once, by the machine and `KMAX_CPU`.
struct Choice {
    level: Level,
    bfloat16: bool,
    int8: bool,
    candle_only: bool,
    emulated: bool,
}

fn choice() -> &'static Choice {
    static CHOICE: OnceLock<Choice> = OnceLock::new();
    CHOICE.get_or_init(|| {
        let (asked, best) = (std::env::var("KMAX_CPU").unwrap_or_default(), detected());
        let level = match asked.as_str() {
            "portable" => Level::Portable,
            #[cfg(target_arch = "x86_64")]
            "avx2" => best.min(Level::Avx2),
            _ => best,
        };
        let all = asked != "avx512" && level == best;
        Choice {
            level,
            bfloat16: all && detected_bfloat16(),
            int8: all && detected_int8(),
            candle_only: asked == "candle",
            emulated: cfg!(unix) && asked == "emulated",
        }
    })
}

/// The best level of this machine, unless the environment forces a lower one.
pub(crate) fn level() -> Level {
    choice().level
}

/// Whether the machine multiplies bfloat16 twice as fast as float32, by an instruction that the kernels use.
pub fn multiplies_bfloat16() -> bool {
    choice().bfloat16
}

/// Whether the machine multiplies 8-bit integers four times as fast as float32, by an instruction that the kernels use.
pub fn multiplies_int8() -> bool {
    choice().int8
}

/// The name of the kernels that run here, as `KMAX_CPU` spells it.
pub fn kernels() -> &'static str {
    if candle_only() {
        return "candle";
    }
    if emulated() {
        return "emulated";
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
    choice().candle_only
}

/// Whether the environment asks for the kernels of GPUs, emulated on the processor.
pub(crate) fn emulated() -> bool {
    choice().emulated
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

#[cfg(target_arch = "x86_64")]
fn detected_bfloat16() -> bool {
    detected() == Level::Avx512 && is_x86_feature_detected!("avx512bf16")
}

#[cfg(target_arch = "x86_64")]
fn detected_int8() -> bool {
    detected() == Level::Avx512 && is_x86_feature_detected!("avx512vnni")
}

#[cfg(not(target_arch = "x86_64"))]
fn detected_bfloat16() -> bool {
    false
}

#[cfg(not(target_arch = "x86_64"))]
fn detected_int8() -> bool {
    false
}

#[cfg(target_arch = "aarch64")]
fn detected() -> Level {
    Level::Neon
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn detected() -> Level {
    Level::Portable
}

/// A level as a type: how a body multiplies and adds, and what its registers are.
pub(crate) trait Isa {
    /// The registers, for kernels that say what stands in them.
    type Vector<T: Float>: Vector<T>;

    /// `a * b + c`.
    fn mul_add<T: Float>(a: T, b: T, c: T) -> T;
}

/// [`Level::Portable`].
pub(crate) struct Portable;
/// [`Level::Avx512`].
#[cfg(target_arch = "x86_64")]
pub(crate) struct Avx512;
/// [`Level::Avx2`].
#[cfg(target_arch = "x86_64")]
pub(crate) struct Avx2;
/// [`Level::Neon`].
#[cfg(target_arch = "aarch64")]
pub(crate) struct Neon;

impl Isa for Portable {
    type Vector<T: Float> = Array<T>;

    #[inline(always)]
    fn mul_add<T: Float>(a: T, b: T, c: T) -> T {
        // Without hardware support the fused form is a slow library call. Every 64-bit Arm has the instruction.
        if cfg!(target_arch = "aarch64") { a.fused(b, c) } else { a * b + c }
    }
}

#[cfg(target_arch = "x86_64")]
impl Isa for Avx512 {
    type Vector<T: Float> = T::Avx512;

    #[inline(always)]
    fn mul_add<T: Float>(a: T, b: T, c: T) -> T {
        a.fused(b, c)
    }
}

#[cfg(target_arch = "x86_64")]
impl Isa for Avx2 {
    type Vector<T: Float> = T::Avx2;

    #[inline(always)]
    fn mul_add<T: Float>(a: T, b: T, c: T) -> T {
        a.fused(b, c)
    }
}

#[cfg(target_arch = "aarch64")]
impl Isa for Neon {
    type Vector<T: Float> = T::Neon;

    #[inline(always)]
    fn mul_add<T: Float>(a: T, b: T, c: T) -> T {
        a.fused(b, c)
    }
}

/// The body of a function, compiled once per instruction set and picked by [`level`].
///
/// `by_path! { [generics] [their names] (arguments) -> type, I => { … } }`: `I` names the [`Isa`].
macro_rules! by_path {
    ([$($generics:tt)*] [$($names:tt)*] ($($arg:ident : $ty:ty),*) $(-> $ret:ty)?, $isa:ident => $body:block) => {{
        #[inline(always)]
        #[allow(clippy::too_many_arguments)]
        fn body<$isa: $crate::cpu::Isa, $($generics)*>($($arg: $ty),*) $(-> $ret)? $body

        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
        #[allow(clippy::too_many_arguments)]
        fn avx512<$($generics)*>($($arg: $ty),*) $(-> $ret)? {
            body::<$crate::cpu::Avx512, $($names)*>($($arg),*)
        }

        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma")]
        #[allow(clippy::too_many_arguments)]
        fn avx2<$($generics)*>($($arg: $ty),*) $(-> $ret)? {
            body::<$crate::cpu::Avx2, $($names)*>($($arg),*)
        }

        match $crate::cpu::level() {
            // SAFETY: `level` answers this only where the processor has these instructions.
            #[cfg(target_arch = "x86_64")]
            $crate::cpu::Level::Avx512 => unsafe { avx512::<$($names)*>($($arg),*) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            $crate::cpu::Level::Avx2 => unsafe { avx2::<$($names)*>($($arg),*) },
            // Part of the architecture: nothing is to be enabled.
            #[cfg(target_arch = "aarch64")]
            $crate::cpu::Level::Neon => body::<$crate::cpu::Neon, $($names)*>($($arg),*),
            $crate::cpu::Level::Portable => body::<$crate::cpu::Portable, $($names)*>($($arg),*),
        }
    }};
}
pub(crate) use by_path;

/// Defines a function whose body is compiled [`by_path`].
///
/// `simd_fn! { fn name[I, T, const N: usize](x: &[T]) -> T { … } }`: `I` names the [`Isa`], `T` the [`Float`].
macro_rules! simd_fn {
    ($(#[$meta:meta])* $vis:vis fn $name:ident [$isa:ident, $t:ident $(, const $n:ident : usize)*]
     ($($arg:ident : $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments)]
        $vis fn $name<$t: $crate::cpu::Float $(, const $n: usize)*>($($arg: $ty),*) $(-> $ret)? {
            $crate::cpu::by_path! {
                [$t: $crate::cpu::Float $(, const $n: usize)*] [$t $(, $n)*] ($($arg: $ty),*) $(-> $ret)?, $isa => $body
            }
        }
    };
}
pub(crate) use simd_fn;

/// A body written once for the registers of all levels.
pub(crate) trait Kernel<T: Float> {
    /// What it gives.
    type Output;

    /// Does it with `V`. Implementations are always inlined, into a function that has the instructions enabled.
    ///
    /// # Safety
    /// The machine has the instructions of `V`, and what the kernel itself asks for.
    unsafe fn run<V: Vector<T>>(self) -> Self::Output;
}

/// Runs `kernel` with the registers of this path.
///
/// # Safety
/// What the kernel itself asks for.
pub(crate) unsafe fn run<T: Float, K: Kernel<T>>(kernel: K) -> K::Output {
    by_path! {
        [T: Float, K: Kernel<T>] [T, K] (kernel: K) -> K::Output, I => {
            // SAFETY: the path is one that the machine has; the caller's promise.
            unsafe { kernel.run::<I::Vector<T>>() }
        }
    }
}

/// Defines a function like [`run`] whose registers are [`Grouped`](super::vector::Grouped): with the products of one type on every path, or of
/// another one where AVX-512 has a feature for them.
macro_rules! grouped_paths {
    ($(#[$meta:meta])* $name:ident: $product:ident, or where $native:ident() $instruction:ident of $feature:literal) => {
        $(#[$meta])*
        pub(crate) unsafe fn $name<K: $crate::cpu::Kernel<f32>>(kernel: K) -> K::Output {
            use $crate::cpu::Level;
            use $crate::cpu::vector::{Array, Grouped};
            #[cfg(target_arch = "x86_64")]
            use std::arch::x86_64::{__m256, __m512};
            // Each is inlined into a function that has the instructions.
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
            #[target_feature(enable = $feature)]
            unsafe fn native<K: $crate::cpu::Kernel<f32>>(kernel: K) -> K::Output {
                // SAFETY: the machine has them (caller's promise), as the kernel's own promise holds.
                unsafe { kernel.run::<Grouped<__m512, $instruction>>() }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
            unsafe fn avx512<K: $crate::cpu::Kernel<f32>>(kernel: K) -> K::Output {
                // SAFETY: as above.
                unsafe { kernel.run::<Grouped<__m512, $product>>() }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            unsafe fn avx2<K: $crate::cpu::Kernel<f32>>(kernel: K) -> K::Output {
                // SAFETY: as above.
                unsafe { kernel.run::<Grouped<__m256, $product>>() }
            }
            // SAFETY: each is a path that the machine has; the caller's promise.
            unsafe {
                match $crate::cpu::level() {
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx512 if $native() => native(kernel),
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx512 => avx512(kernel),
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx2 => avx2(kernel),
                    _ => kernel.run::<Grouped<Array<f32>, $product>>(),
                }
            }
        }
    };
}
pub(crate) use grouped_paths;

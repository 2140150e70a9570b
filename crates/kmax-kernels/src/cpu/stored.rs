//! How the values of a map stand in memory: as what kernels compute in, or rounded to bfloat16.

use super::bfloat16::{bfloat16, narrow};
use super::buffer::{Plain, Shared, copied};
use super::by_path;
use super::float::Float;
use candle_core::{DType, WithDType};
use half::bf16;
use std::mem::MaybeUninit;

/// A type of maps whose kernels compute in `T`.
pub(crate) trait Stored<T: Float>: WithDType + Plain {
    /// Whether values are stored as they are.
    const EXACT: bool;

    /// Copies values, made `T`, to `to` of the same length.
    fn widen(from: &[Self], to: &mut [T]);

    /// One of them.
    fn wide(self) -> T;

    /// That rounded, if need be.
    fn narrowed(value: T) -> Self;

    /// Copies values, rounded if need be, to `to` of the same length: it is written in full.
    fn narrow(from: &[T], to: &mut [MaybeUninit<Self>]);

    /// The values themselves, unless they are rounded: [`Self::widen`] is for those.
    fn exact(from: &[Self]) -> Option<&[T]>;

    /// The same of an output.
    fn exact_output(out: Shared<Self>) -> Option<Shared<T>>;
}

impl<T: Float> Stored<T> for T {
    const EXACT: bool = true;

    fn widen(from: &[T], to: &mut [T]) {
        to.copy_from_slice(from);
    }

    #[inline(always)]
    fn wide(self) -> T {
        self
    }

    #[inline(always)]
    fn narrowed(value: T) -> T {
        value
    }

    fn narrow(from: &[T], to: &mut [MaybeUninit<T>]) {
        copied(to, from);
    }

    #[inline(always)]
    fn exact(from: &[T]) -> Option<&[T]> {
        Some(from)
    }

    #[inline(always)]
    fn exact_output(out: Shared<T>) -> Option<Shared<T>> {
        Some(out)
    }
}

impl Stored<f32> for bf16 {
    const EXACT: bool = false;

    fn widen(from: &[bf16], to: &mut [f32]) {
        assert_eq!(from.len(), to.len());
        by_path! { [] [] (from: &[bf16], to: &mut [f32]), I => {
            for (to, from) in to.iter_mut().zip(from) {
                *to = Stored::wide(*from);
            }
        } }
    }

    #[inline(always)]
    fn wide(self) -> f32 {
        f32::from_bits(u32::from(self.to_bits()) << 16)
    }

    #[inline(always)]
    fn narrowed(value: f32) -> bf16 {
        bf16::from_bits(bfloat16(value) as u16)
    }

    fn narrow(from: &[f32], to: &mut [MaybeUninit<bf16>]) {
        narrow(from, to);
    }

    #[inline(always)]
    fn exact(_: &[bf16]) -> Option<&[f32]> {
        None
    }

    #[inline(always)]
    fn exact_output(_: Shared<bf16>) -> Option<Shared<f32>> {
        None
    }
}

/// Runs `$body` with `$s` standing for how the values of `$storage` are stored and `$t` for what is computed in, and wraps the
/// `Vec` and the shape that it gives.
macro_rules! by_stored {
    ($storage:expr, $s:ident => $body:expr) => {
        $crate::cpu::by_stored!($storage, $s, _computed => $body)
    };
    ($storage:expr, $s:ident, $t:ident => $body:expr) => {
        match $storage {
            candle_core::CpuStorage::BF16(_) => {
                type $s = half::bf16;
                #[allow(dead_code, non_camel_case_types)]
                type $t = f32;
                $crate::cpu::wrap::<$s>($body)
            }
            candle_core::CpuStorage::F32(_) => {
                type $s = f32;
                #[allow(dead_code, non_camel_case_types)]
                type $t = f32;
                $crate::cpu::wrap::<$s>($body)
            }
            candle_core::CpuStorage::F64(_) => {
                type $s = f64;
                #[allow(dead_code, non_camel_case_types)]
                type $t = f64;
                $crate::cpu::wrap::<$s>($body)
            }
            _ => Err(candle_core::Error::Msg("kernels want bfloat16, float32 or float64".into())),
        }
    };
}
pub(crate) use by_stored;

/// The type that kernels compute in, of maps stored as `dtype`.
pub(crate) fn computed(dtype: DType) -> DType {
    if dtype == DType::BF16 { DType::F32 } else { dtype }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_are_rounded_and_read_at_every_length() {
        for len in [0, 1, 15, 16, 33, 100] {
            let values: Vec<f32> = (0..len).map(|i| i as f32 * 1.37 - 20.0).collect();
            let mut out = Vec::with_capacity(len);
            bf16::narrow(&values, &mut out.spare_capacity_mut()[..len]);
            // SAFETY: all are written now.
            unsafe { out.set_len(len) };
            let mut back = vec![f32::NAN; len];
            bf16::widen(&out, &mut back);
            for ((value, out), back) in values.iter().zip(&out).zip(back) {
                assert_eq!((*out, back), (bf16::from_f32(*value), bf16::from_f32(*value).to_f32()));
            }
        }
    }
}

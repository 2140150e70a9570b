//! A machine's vectors, for kernels that must say what stands in which register.

#[cfg(target_arch = "aarch64")]
mod arm;
mod grouped;
mod pairs;
mod quads;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(crate) use grouped::{GroupProduct, Grouped};
#[cfg(target_arch = "x86_64")]
pub(crate) use pairs::Instruction;
pub(crate) use pairs::Widened;
pub(crate) use quads::Halves;
#[cfg(target_arch = "x86_64")]
pub(crate) use quads::Vnni;

use super::dispatch::{Isa, Portable};
use super::float::Float;

/// The values among which [`Vector::pick`] picks.
pub(crate) const REACH: usize = 32;

/// A register of neighbouring elements.
///
/// The methods are inlined into a function that has the instructions enabled, and must not be called elsewhere.
pub(crate) trait Vector<T: Float>: Copy {
    /// Elements.
    const LANES: usize;
    /// Whether there are 32 of them rather than 16.
    const MANY: bool;

    /// The same value in every lane.
    ///
    /// # Safety
    /// The machine has the instructions.
    unsafe fn splat(value: T) -> Self;

    /// The first `count` lanes (at most [`Self::LANES`]) from `from`, zeros behind.
    ///
    /// # Safety
    /// As [`Self::splat`]; `from` is valid for reads of `count` elements.
    unsafe fn load(from: *const T, count: usize) -> Self;

    /// Writes the first `count` lanes to `to`.
    ///
    /// # Safety
    /// As [`Self::splat`]; `to` is valid for writes of `count` elements.
    unsafe fn store(self, to: *mut T, count: usize);

    /// In each lane one of the values: that of its place.
    ///
    /// # Safety
    /// As [`Self::splat`]; `places` is valid for reads of [`Self::LANES`] numbers, all below [`REACH`].
    #[inline(always)]
    unsafe fn pick(values: &[T; REACH], places: *const u32) -> Self {
        let mut picked = [T::ZERO; 16];
        for (lane, picked) in picked.iter_mut().enumerate().take(Self::LANES) {
            // SAFETY: there are as many places as lanes (caller's promise).
            *picked = values[unsafe { *places.add(lane) } as usize % REACH];
        }
        // SAFETY: no register has more than 16 lanes.
        unsafe { Self::load(picked.as_ptr(), Self::LANES) }
    }

    /// `self * factor + sum`.
    ///
    /// # Safety
    /// As [`Self::splat`].
    unsafe fn mul_add(self, factor: Self, sum: Self) -> Self;

    /// The number that a sum of products stands for, where columns are `step * factor + low` and weights `scale * factor`, of
    /// which `total` is the sum. Registers whose factors are numbers give the sum itself.
    ///
    /// # Safety
    /// As [`Self::splat`].
    #[inline(always)]
    unsafe fn in_range(self, step: Self, low: Self, scale: T, total: T) -> Self {
        let _ = (step, low, scale, total);
        self
    }

    /// The sum.
    ///
    /// # Safety
    /// As [`Self::splat`].
    unsafe fn add(self, other: Self) -> Self;

    /// The larger; where `self` is NaN, NaN.
    ///
    /// # Safety
    /// As [`Self::splat`].
    unsafe fn at_least(self, other: Self) -> Self;

    /// The smaller; where `self` is NaN, NaN.
    ///
    /// # Safety
    /// As [`Self::splat`].
    unsafe fn at_most(self, other: Self) -> Self;
}

/// An array in place of a register: the scalar twin, and what machines without a kernel of their own run.
#[derive(Clone, Copy)]
pub(crate) struct Array<T>([T; 8]);

impl<T: Float> Vector<T> for Array<T> {
    const LANES: usize = 8;
    const MANY: bool = false;

    #[inline(always)]
    unsafe fn splat(value: T) -> Self {
        Self([value; 8])
    }

    #[inline(always)]
    unsafe fn load(from: *const T, count: usize) -> Self {
        let mut values = [T::ZERO; 8];
        // SAFETY: `count` elements can be read (caller's promise), and `min` keeps them within the array.
        let from = unsafe { std::slice::from_raw_parts(from, count.min(8)) };
        values[..from.len()].copy_from_slice(from);
        Self(values)
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut T, count: usize) {
        // SAFETY: `count` elements can be written (caller's promise).
        let to = unsafe { std::slice::from_raw_parts_mut(to, count.min(8)) };
        to.copy_from_slice(&self.0[..to.len()]);
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, sum: Self) -> Self {
        Self(std::array::from_fn(|i| Portable::mul_add(self.0[i], factor.0[i], sum.0[i])))
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] + other.0[i]))
    }

    #[inline(always)]
    unsafe fn at_least(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| if self.0[i] < other.0[i] { other.0[i] } else { self.0[i] }))
    }

    #[inline(always)]
    unsafe fn at_most(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| if self.0[i] > other.0[i] { other.0[i] } else { self.0[i] }))
    }
}

//! Registers of factors of which several neighbours in depth stand in the 32 bits where their sum stands.

use super::Vector;
use std::marker::PhantomData;

/// How registers `V` multiply groups of factors.
pub(crate) trait GroupProduct<V>: Copy {
    /// `sum` plus the products of the factors of `a` with those of `b`.
    ///
    /// # Safety
    /// The machine has the instructions.
    unsafe fn add_products(a: V, b: V, sum: V) -> V;

    /// A sum as float32, where sums are integers.
    ///
    /// # Safety
    /// As [`Self::add_products`].
    #[inline(always)]
    unsafe fn number(_: V) -> Option<V> {
        None
    }
}

/// A register whose factors are groups: everything but the product is that of `V`.
#[derive(Clone, Copy)]
pub(crate) struct Grouped<V, P>(V, PhantomData<P>);

impl<V, P> Grouped<V, P> {
    #[inline(always)]
    fn of(register: V) -> Self {
        Self(register, PhantomData)
    }
}

impl<V: Vector<f32>, P: GroupProduct<V>> Vector<f32> for Grouped<V, P> {
    const LANES: usize = V::LANES;
    const MANY: bool = V::MANY;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: the caller's promises.
        Self::of(unsafe { V::splat(value) })
    }

    #[inline(always)]
    unsafe fn load(from: *const f32, count: usize) -> Self {
        // SAFETY: the caller's promises.
        Self::of(unsafe { V::load(from, count) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32, count: usize) {
        // SAFETY: the caller's promises.
        unsafe { self.0.store(to, count) };
    }

    /// Of groups.
    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, sum: Self) -> Self {
        // SAFETY: the caller's promises.
        Self::of(unsafe { P::add_products(self.0, factor.0, sum.0) })
    }

    #[inline(always)]
    unsafe fn in_range(self, step: Self, low: Self, scale: f32, total: f32) -> Self {
        // SAFETY: the caller's promises.
        unsafe {
            let Some(number) = P::number(self.0) else { return self };
            let zero = V::splat(0.0);
            let step = step.0.mul_add(V::splat(scale), zero);
            Self::of(number.mul_add(step, low.0.mul_add(V::splat(total), zero)))
        }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: the caller's promises.
        Self::of(unsafe { self.0.add(other.0) })
    }

    #[inline(always)]
    unsafe fn at_least(self, other: Self) -> Self {
        // SAFETY: the caller's promises.
        Self::of(unsafe { self.0.at_least(other.0) })
    }

    #[inline(always)]
    unsafe fn at_most(self, other: Self) -> Self {
        // SAFETY: the caller's promises.
        Self::of(unsafe { self.0.at_most(other.0) })
    }
}

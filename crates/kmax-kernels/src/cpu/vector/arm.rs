//! The registers of NEON, part of every 64-bit Arm.

use super::Vector;
use std::arch::aarch64::*;

/// Two lanes from `from`, two zeros behind.
///
/// # Safety
/// The machine has NEON; `from` is valid for reads of two elements.
#[inline(always)]
unsafe fn load_two(from: *const f32) -> float32x4_t {
    // SAFETY: the caller's promises.
    unsafe { vcombine_f32(vld1_f32(from), vdup_n_f32(0.0)) }
}

impl Vector<f32> for float32x4_t {
    const LANES: usize = 4;
    const MANY: bool = true;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: the machine has NEON (caller's promise).
        unsafe { vdupq_n_f32(value) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32, count: usize) -> Self {
        // SAFETY: the caller's promises; no more than `count` elements are read.
        unsafe {
            match count {
                0 => vdupq_n_f32(0.0),
                1 => vld1q_lane_f32::<0>(from, vdupq_n_f32(0.0)),
                2 => load_two(from),
                3 => vld1q_lane_f32::<2>(from.add(2), load_two(from)),
                _ => vld1q_f32(from),
            }
        }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32, count: usize) {
        // SAFETY: the caller's promises; no more than `count` elements are written.
        unsafe {
            match count {
                0 => {}
                1 => vst1q_lane_f32::<0>(to, self),
                2 => vst1_f32(to, vget_low_f32(self)),
                3 => {
                    vst1_f32(to, vget_low_f32(self));
                    vst1q_lane_f32::<2>(to.add(2), self);
                }
                _ => vst1q_f32(to, self),
            }
        }
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, sum: Self) -> Self {
        // SAFETY: the machine has NEON (caller's promise).
        unsafe { vfmaq_f32(sum, self, factor) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: the machine has NEON (caller's promise).
        unsafe { vaddq_f32(self, other) }
    }

    #[inline(always)]
    unsafe fn at_least(self, other: Self) -> Self {
        // SAFETY: the machine has NEON (caller's promise). FMAX answers NaN where one operand is, FMAXNM the other one.
        unsafe { vmaxq_f32(self, other) }
    }

    #[inline(always)]
    unsafe fn at_most(self, other: Self) -> Self {
        // SAFETY: as above.
        unsafe { vminq_f32(self, other) }
    }
}

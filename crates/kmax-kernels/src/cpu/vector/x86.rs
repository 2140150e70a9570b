//! The registers of AVX-512 and AVX2.

use super::{REACH, Vector};
use std::arch::x86_64::*;

impl Vector<f32> for __m512 {
    const LANES: usize = 16;
    const MANY: bool = true;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: the machine has AVX-512 (caller's promise).
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32, count: usize) -> Self {
        // SAFETY: the caller's promises; masked lanes are not read.
        unsafe {
            match count {
                16.. => _mm512_loadu_ps(from),
                _ => _mm512_maskz_loadu_ps((1 << count) - 1, from),
            }
        }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32, count: usize) {
        // SAFETY: the caller's promises; masked lanes are not written.
        unsafe {
            match count {
                16.. => _mm512_storeu_ps(to, self),
                _ => _mm512_mask_storeu_ps(to, (1 << count) - 1, self),
            }
        }
    }

    #[inline(always)]
    unsafe fn pick(values: &[f32; REACH], places: *const u32) -> Self {
        // SAFETY: the caller's promises; the values fill two registers.
        unsafe {
            let (left, right) = (_mm512_loadu_ps(values.as_ptr()), _mm512_loadu_ps(values.as_ptr().add(16)));
            _mm512_permutex2var_ps(left, _mm512_loadu_si512(places.cast()), right)
        }
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, sum: Self) -> Self {
        // SAFETY: the machine has AVX-512 (caller's promise).
        unsafe { _mm512_fmadd_ps(self, factor, sum) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: the machine has AVX-512 (caller's promise).
        unsafe { _mm512_add_ps(self, other) }
    }

    #[inline(always)]
    unsafe fn at_least(self, other: Self) -> Self {
        // SAFETY: the machine has AVX-512 (caller's promise). The second operand is the answer where one is NaN.
        unsafe { _mm512_max_ps(other, self) }
    }

    #[inline(always)]
    unsafe fn at_most(self, other: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_min_ps(other, self) }
    }
}

/// Of eight integers from `8 - count`: the first `count` have their sign bit set.
#[inline(always)]
unsafe fn mask(count: usize) -> __m256i {
    const SIGNS: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
    // SAFETY: the machine has AVX2 (caller's promise), and eight integers stand from any place up to 8.
    unsafe { _mm256_loadu_si256(SIGNS.as_ptr().add(8 - count.min(8)).cast()) }
}

impl Vector<f32> for __m256 {
    const LANES: usize = 8;
    const MANY: bool = false;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: the machine has AVX2 (caller's promise).
        unsafe { _mm256_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32, count: usize) -> Self {
        // SAFETY: the caller's promises; masked lanes are not read.
        unsafe {
            match count {
                8.. => _mm256_loadu_ps(from),
                _ => _mm256_maskload_ps(from, mask(count)),
            }
        }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32, count: usize) {
        // SAFETY: the caller's promises; masked lanes are not written.
        unsafe {
            match count {
                8.. => _mm256_storeu_ps(to, self),
                _ => _mm256_maskstore_ps(to, mask(count), self),
            }
        }
    }

    #[inline(always)]
    unsafe fn pick(values: &[f32; REACH], places: *const u32) -> Self {
        // SAFETY: the caller's promises; no place lies beyond the values.
        unsafe { _mm256_i32gather_ps::<4>(values.as_ptr(), _mm256_loadu_si256(places.cast())) }
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, sum: Self) -> Self {
        // SAFETY: the machine has FMA (caller's promise).
        unsafe { _mm256_fmadd_ps(self, factor, sum) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: the machine has AVX2 (caller's promise).
        unsafe { _mm256_add_ps(self, other) }
    }

    #[inline(always)]
    unsafe fn at_least(self, other: Self) -> Self {
        // SAFETY: the machine has AVX2 (caller's promise). The second operand is the answer where one is NaN.
        unsafe { _mm256_max_ps(other, self) }
    }

    #[inline(always)]
    unsafe fn at_most(self, other: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm256_min_ps(other, self) }
    }
}

//! Products of bfloat16 factors: two neighbours in depth stand in the 32 bits where a float32 sum stands.
//!
//! The instruction VDPBF16PS adds to a sum the product of the two upper halves, rounds, and then adds that of the lower
//! ones. Products of two bfloat16 are exact in float32, so two steps on the widened halves give the same bits where the
//! machine has no such instruction. It takes numbers below 2^-126 for zero: [`bfloat16`](crate::cpu::bfloat16) sets
//! them to zero, and only sums so small may differ.

use super::{Array, GroupProduct};
use crate::cpu::{Isa, Portable};

/// By two steps on the widened halves.
#[derive(Clone, Copy)]
pub(crate) struct Widened;

/// By the machine's own instruction.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(crate) struct Instruction;

/// The scalar twin.
impl GroupProduct<Array<f32>> for Widened {
    #[inline(always)]
    unsafe fn add_products(a: Array<f32>, b: Array<f32>, sum: Array<f32>) -> Array<f32> {
        let upper = |pair: f32| f32::from_bits(pair.to_bits() & 0xffff_0000);
        let lower = |pair: f32| f32::from_bits(pair.to_bits() << 16);
        Array(std::array::from_fn(|i| {
            let (a, b) = (a.0[i], b.0[i]);
            Portable::mul_add(lower(a), lower(b), Portable::mul_add(upper(a), upper(b), sum.0[i]))
        }))
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{GroupProduct, Instruction, Widened};
    use std::arch::x86_64::*;

    impl GroupProduct<__m256> for Widened {
        #[inline(always)]
        unsafe fn add_products(a: __m256, b: __m256, sum: __m256) -> __m256 {
            // SAFETY: the machine has AVX2 and FMA (caller's promise).
            unsafe {
                let upper = _mm256_castsi256_ps(_mm256_set1_epi32(-0x1_0000));
                let upper = |x| _mm256_and_ps(x, upper);
                let lower = |x| _mm256_castsi256_ps(_mm256_slli_epi32::<16>(_mm256_castps_si256(x)));
                _mm256_fmadd_ps(lower(a), lower(b), _mm256_fmadd_ps(upper(a), upper(b), sum))
            }
        }
    }

    impl GroupProduct<__m512> for Widened {
        #[inline(always)]
        unsafe fn add_products(a: __m512, b: __m512, sum: __m512) -> __m512 {
            // SAFETY: the machine has AVX-512 F and DQ (caller's promise).
            unsafe {
                let upper = _mm512_castsi512_ps(_mm512_set1_epi32(-0x1_0000));
                let upper = |x| _mm512_and_ps(x, upper);
                let lower = |x| _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_castps_si512(x)));
                _mm512_fmadd_ps(lower(a), lower(b), _mm512_fmadd_ps(upper(a), upper(b), sum))
            }
        }
    }

    impl GroupProduct<__m512> for Instruction {
        #[inline(always)]
        unsafe fn add_products(a: __m512, b: __m512, sum: __m512) -> __m512 {
            // SAFETY: the machine has AVX-512 BF16 (caller's promise), and all patterns of bits are pairs.
            unsafe {
                let pairs = |x: __m512| std::mem::transmute::<__m512, __m512bh>(x);
                _mm512_dpbf16_ps(sum, pairs(a), pairs(b))
            }
        }
    }
}

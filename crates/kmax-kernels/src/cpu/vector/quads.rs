//! Products of 8-bit factors: four neighbours in depth stand in the 32 bits where their 32-bit sum stands.
//!
//! Columns are unsigned and weights signed, as VPDPBUSD of AVX-512 VNNI takes them. All sums are exact, so that every path gives
//! the same bits.

use super::{Array, GroupProduct};

/// By products of 16-bit halves.
#[derive(Clone, Copy)]
pub(crate) struct Halves;

/// By the machine's own instruction.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(crate) struct Vnni;

/// The scalar twin.
impl GroupProduct<Array<f32>> for Halves {
    #[inline(always)]
    unsafe fn add_products(a: Array<f32>, b: Array<f32>, sum: Array<f32>) -> Array<f32> {
        Array(std::array::from_fn(|i| {
            let (a, b) = (a.0[i].to_bits().to_le_bytes(), b.0[i].to_bits().to_le_bytes());
            let product = |k: usize| i32::from(a[k]) * i32::from(b[k] as i8);
            let sum =
                (sum.0[i].to_bits() as i32).wrapping_add(product(0) + product(1) + product(2) + product(3));
            f32::from_bits(sum as u32)
        }))
    }

    #[inline(always)]
    unsafe fn number(sum: Array<f32>) -> Option<Array<f32>> {
        Some(Array(sum.0.map(|sum| sum.to_bits() as i32 as f32)))
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{GroupProduct, Halves, Vnni};
    use std::arch::x86_64::*;

    impl GroupProduct<__m256> for Halves {
        #[inline(always)]
        unsafe fn add_products(a: __m256, b: __m256, sum: __m256) -> __m256 {
            // SAFETY: the machine has AVX2 (caller's promise).
            unsafe {
                let (a, b) = (_mm256_castps_si256(a), _mm256_castps_si256(b));
                // Even and odd bytes as 16-bit numbers.
                let even = _mm256_madd_epi16(
                    _mm256_and_si256(a, _mm256_set1_epi16(0xff)),
                    _mm256_srai_epi16::<8>(_mm256_slli_epi16::<8>(b)),
                );
                let odd = _mm256_madd_epi16(_mm256_srli_epi16::<8>(a), _mm256_srai_epi16::<8>(b));
                let sum = _mm256_add_epi32(_mm256_castps_si256(sum), _mm256_add_epi32(even, odd));
                _mm256_castsi256_ps(sum)
            }
        }

        #[inline(always)]
        unsafe fn number(sum: __m256) -> Option<__m256> {
            // SAFETY: the machine has AVX2 (caller's promise).
            Some(unsafe { _mm256_cvtepi32_ps(_mm256_castps_si256(sum)) })
        }
    }

    impl GroupProduct<__m512> for Halves {
        #[inline(always)]
        unsafe fn add_products(a: __m512, b: __m512, sum: __m512) -> __m512 {
            // SAFETY: the machine has AVX-512 F and BW (caller's promise).
            unsafe {
                let (a, b) = (_mm512_castps_si512(a), _mm512_castps_si512(b));
                let even = _mm512_madd_epi16(
                    _mm512_and_si512(a, _mm512_set1_epi16(0xff)),
                    _mm512_srai_epi16::<8>(_mm512_slli_epi16::<8>(b)),
                );
                let odd = _mm512_madd_epi16(_mm512_srli_epi16::<8>(a), _mm512_srai_epi16::<8>(b));
                let sum = _mm512_add_epi32(_mm512_castps_si512(sum), _mm512_add_epi32(even, odd));
                _mm512_castsi512_ps(sum)
            }
        }

        #[inline(always)]
        unsafe fn number(sum: __m512) -> Option<__m512> {
            // SAFETY: the machine has AVX-512 F (caller's promise).
            Some(unsafe { _mm512_cvtepi32_ps(_mm512_castps_si512(sum)) })
        }
    }

    impl GroupProduct<__m512> for Vnni {
        #[inline(always)]
        unsafe fn add_products(a: __m512, b: __m512, sum: __m512) -> __m512 {
            // SAFETY: the machine has AVX-512 VNNI (caller's promise).
            unsafe {
                let sum = _mm512_castps_si512(sum);
                let sum = _mm512_dpbusd_epi32(sum, _mm512_castps_si512(a), _mm512_castps_si512(b));
                _mm512_castsi512_ps(sum)
            }
        }

        #[inline(always)]
        unsafe fn number(sum: __m512) -> Option<__m512> {
            // SAFETY: the caller's promise.
            unsafe { Halves::number(sum) }
        }
    }
}

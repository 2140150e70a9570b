//! Rounding to bfloat16, and the paths of products of it.

use super::by_path;
#[cfg(target_arch = "x86_64")]
use super::dispatch::multiplies_bfloat16;
use super::grouped_paths;
#[cfg(target_arch = "x86_64")]
use super::vector::Instruction;
use super::vector::Widened;
use half::bf16;
use std::mem::MaybeUninit;

/// Rounded to the nearest bfloat16, of equals to the even one: in the lower half. NaN stays NaN, and numbers below 2^-126
/// become zero, for which the machine's instruction takes them.
#[inline(always)]
pub(crate) fn bfloat16(value: f32) -> u32 {
    let (bits, magnitude) = (value.to_bits(), value.to_bits() & 0x7fff_ffff);
    let rounded = (bits.wrapping_add(0x7fff + (bits >> 16 & 1))) >> 16;
    let rounded = if magnitude < 0x0080_0000 { bits >> 16 & 0x8000 } else { rounded };
    // Rounded up, its digits could become those of an infinity or run over into the sign.
    if magnitude > 0x7f80_0000 { bits >> 16 | 0x40 } else { rounded }
}

/// The pair of two neighbours in depth: the first in the lower half.
#[inline(always)]
pub(crate) fn pair(first: f32, second: f32) -> u32 {
    bfloat16(first) | bfloat16(second) << 16
}

/// The numbers of a pair.
pub(crate) fn of_pair(pair: u32) -> [f32; 2] {
    [f32::from_bits(pair << 16), f32::from_bits(pair & 0xffff_0000)]
}

/// Each value rounded to `to`, which has the same length: it is written in full.
pub(crate) fn narrow(from: &[f32], to: &mut [MaybeUninit<bf16>]) {
    assert_eq!(from.len(), to.len());
    #[cfg(target_arch = "x86_64")]
    if multiplies_bfloat16() {
        // SAFETY: the machine has the instructions.
        return unsafe { instruction::narrow(from, to) };
    }
    by_path! { [] [] (from: &[f32], to: &mut [MaybeUninit<bf16>]), I => {
        for (to, from) in to.iter_mut().zip(from) {
            to.write(bf16::from_bits(bfloat16(*from) as u16));
        }
    } }
}

/// Rounding by AVX-512's own instruction for it: the same bits.
#[cfg(target_arch = "x86_64")]
mod instruction {
    use super::{bf16, bfloat16, pair};
    use std::arch::x86_64::*;
    use std::mem::MaybeUninit;

    /// Values of a register.
    const LANES: usize = 16;

    /// See [`super::narrow`].
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")]
    pub(super) fn narrow(from: &[f32], to: &mut [MaybeUninit<bf16>]) {
        let ((from, from_rest), (to, to_rest)) = (from.as_chunks::<LANES>(), to.as_chunks_mut::<LANES>());
        for (to, from) in to.iter_mut().zip(from) {
            // SAFETY: as many values are read and written as the arrays have, and all patterns of bits are values.
            unsafe {
                let rounded = _mm512_cvtneps_pbh(_mm512_loadu_ps(from.as_ptr()));
                _mm256_storeu_si256(
                    to.as_mut_ptr().cast(),
                    std::mem::transmute::<__m256bh, __m256i>(rounded),
                );
            }
        }
        for (to, from) in to_rest.iter_mut().zip(from_rest) {
            to.write(bf16::from_bits(bfloat16(*from) as u16));
        }
    }

    /// See [`super::join`].
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")]
    pub(super) fn join(first: &[f32], second: &[f32], to: &mut [u32]) {
        let ((a, a_rest), (b, b_rest)) = (first.as_chunks::<LANES>(), second.as_chunks::<LANES>());
        let (to, rest) = to.as_chunks_mut::<LANES>();
        for ((a, b), to) in a.iter().zip(b).zip(to) {
            // SAFETY: as many values are read and written as the arrays have, and all patterns of bits are values.
            unsafe {
                let [a, b] = [a, b].map(|values| _mm512_cvtneps_pbh(_mm512_loadu_ps(values.as_ptr())));
                let low = _mm512_cvtepu16_epi32(std::mem::transmute::<__m256bh, __m256i>(a));
                let high = _mm512_cvtepu16_epi32(std::mem::transmute::<__m256bh, __m256i>(b));
                let pairs = _mm512_or_si512(low, _mm512_slli_epi32::<16>(high));
                _mm512_storeu_si512(to.as_mut_ptr().cast(), pairs);
            }
        }
        a_rest.iter().zip(b_rest).zip(rest).for_each(|((a, b), to)| *to = pair(*a, *b));
    }
}

/// Pairs of neighbours to `to`; all have the same length.
pub(crate) fn join(first: &[f32], second: &[f32], to: &mut [u32]) {
    #[inline(always)]
    fn lanes<const N: usize>(first: &[f32; N], second: &[f32; N], to: &mut [u32; N]) {
        for k in 0..N {
            to[k] = pair(first[k], second[k]);
        }
    }
    assert!(first.len() == to.len() && second.len() == to.len());
    #[cfg(target_arch = "x86_64")]
    if multiplies_bfloat16() {
        // SAFETY: the machine has the instructions.
        return unsafe { instruction::join(first, second, to) };
    }
    by_path! { [] [] (first: &[f32], second: &[f32], to: &mut [u32]), I => {
        let ((a, a_rest), (b, b_rest)) = (first.as_chunks::<16>(), second.as_chunks::<16>());
        let (to, rest) = to.as_chunks_mut::<16>();
        a.iter().zip(b).zip(to).for_each(|((a, b), to)| lanes(a, b, to));
        a_rest.iter().zip(b_rest).zip(rest).for_each(|((a, b), to)| *to = pair(*a, *b));
    } }
}

grouped_paths! {
    /// Runs `kernel` with registers whose factors are pairs: as wide as those of this path for float32.
    ///
    /// # Safety
    /// What the kernel itself asks for.
    run_pairs: Widened, or where multiplies_bfloat16() Instruction of "avx512bf16"
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device, Tensor};

    /// What Candle's type gives, where it keeps small numbers.
    #[test]
    fn rounding_is_to_nearest_even() -> candle_core::Result<()> {
        let mut state = 1u32;
        let mut values: Vec<f32> = (0..4000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                f32::from_bits(state)
            })
            .filter(|value| !value.is_nan() && (*value == 0.0 || value.abs() >= f32::MIN_POSITIVE))
            .collect();
        let ties =
            [0x3f80_8000, 0x3f81_8000, 0x3f80_7fff, 0x3f80_8001, 0x7f7f_ffff, 0xff80_0000, 0x8000_0000];
        values.extend(ties.map(f32::from_bits));
        let rounded = Tensor::new(values.as_slice(), &Device::Cpu)?.to_dtype(DType::BF16)?;
        let expected = rounded.to_dtype(DType::F32)?.to_vec1::<f32>()?;
        for (value, expected) in values.iter().zip(expected) {
            assert_eq!(bfloat16(*value) << 16, expected.to_bits(), "{value:e}");
        }
        Ok(())
    }

    /// By the machine's instruction, if it has one, all are as one by one.
    #[test]
    fn many_are_rounded_as_each() {
        let mut state = 7u32;
        let mut bits = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f32::from_bits(state)
        };
        let special = [f32::NAN, f32::INFINITY, -0.0, 1e-40, f32::MAX, -f32::MIN_POSITIVE];
        for len in [0, 1, 16, 33, 1000] {
            let values: Vec<f32> =
                special.into_iter().chain(std::iter::repeat_with(&mut bits)).take(len).collect();
            let mut rounded = Vec::with_capacity(len);
            narrow(&values, &mut rounded.spare_capacity_mut()[..len]);
            // SAFETY: all are written now.
            unsafe { rounded.set_len(len) };
            let mut pairs = vec![0; len];
            let second: Vec<f32> = values.iter().rev().copied().collect();
            join(&values, &second, &mut pairs);
            for i in 0..len {
                assert_eq!(u32::from(rounded[i].to_bits()), bfloat16(values[i]), "{:e}", values[i]);
                assert_eq!(pairs[i], pair(values[i], second[i]), "{:e}, {:e}", values[i], second[i]);
            }
        }
    }

    #[test]
    fn nan_stays_and_the_smallest_vanish() {
        for nan in [0x7f80_0001, 0x7fff_ffff, 0xffff_ffff, 0xff80_0001] {
            assert!(f32::from_bits(bfloat16(f32::from_bits(nan)) << 16).is_nan(), "{nan:x}");
        }
        assert_eq!(bfloat16(f32::from_bits(0x007f_ffff)), 0);
        assert_eq!(bfloat16(-1e-40), 0x8000);
        assert_eq!(bfloat16(f32::MIN_POSITIVE), 0x0080);
    }

    #[test]
    fn pairs_are_joined_at_every_length() {
        for len in [0, 1, 15, 16, 17, 64, 100] {
            let first: Vec<f32> = (0..len).map(|i| i as f32 * 1.37 - 20.0).collect();
            let second: Vec<f32> = (0..len).map(|i| 1.0 / (i as f32 + 0.3)).collect();
            let mut to = vec![7; len];
            join(&first, &second, &mut to);
            for i in 0..len {
                let [a, b] = of_pair(to[i]);
                assert_eq!((a.to_bits() >> 16, b.to_bits() >> 16), (bfloat16(first[i]), bfloat16(second[i])));
                assert!((a - first[i]).abs() <= first[i].abs() / 256.0);
                assert!((b - second[i]).abs() <= second[i].abs() / 256.0);
            }
        }
    }
}

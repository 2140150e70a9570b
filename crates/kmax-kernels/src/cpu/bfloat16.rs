//! Rounding to bfloat16, and the paths of products of it.

use super::by_path;
#[cfg(target_arch = "x86_64")]
use super::dispatch::multiplies_bfloat16;
use super::grouped_paths;
#[cfg(target_arch = "x86_64")]
use super::vector::Instruction;
use super::vector::Widened;

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

/// Pairs of neighbours to `to`; all have the same length.
pub(crate) fn join(first: &[f32], second: &[f32], to: &mut [u32]) {
    #[inline(always)]
    fn lanes<const N: usize>(first: &[f32; N], second: &[f32; N], to: &mut [u32; N]) {
        for k in 0..N {
            to[k] = pair(first[k], second[k]);
        }
    }
    assert!(first.len() == to.len() && second.len() == to.len());
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

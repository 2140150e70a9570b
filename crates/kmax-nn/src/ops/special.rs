//! Exponential and normal distribution function in arithmetic that vectorises.

use super::simd::Isa;

/// `p x^n + ...`, the highest coefficient first.
#[inline(always)]
fn polynomial<I: Isa, const N: usize>(x: f32, coefficients: [f32; N]) -> f32 {
    let mut value = coefficients[0];
    for c in &coefficients[1..] {
        value = I::mul_add(value, x, *c);
    }
    value
}

/// `e^x = 2^n e^r` with `x = n ln 2 + r`: `e^r` and `n`. For |x| < 90.
#[inline(always)]
fn split_exponential<I: Isa>(x: f32) -> (f32, i32) {
    // Adding 1.5 * 2^23 rounds to the nearest integer and leaves it in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let shifted = I::mul_add(x, std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    // ln 2 in two parts, the first with few enough bits that n times it is exact.
    let r = I::mul_add(n, 2.121_944_4e-4, I::mul_add(n, -0.693_359_4, x));
    let p = polynomial::<I, 6>(
        r,
        [1.987_569_1e-4, 1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 5e-1],
    );
    // The integer is read from the bits: a conversion would saturate and keep compilers from vectors.
    let n = (shifted.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    (I::mul_add(p, r * r, r) + 1.0, n)
}

/// `2^n` by its bits, for -127 < n < 128.
#[inline(always)]
fn power(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) << 23) as u32)
}

/// Below this, `e^x` is less than the smallest normal number.
const SMALLEST: f32 = -87.33;

/// `e^x`: a polynomial and the power of two by its bits. Saturates to 0 and infinity; NaN stays NaN.
#[inline(always)]
pub(crate) fn exp32<I: Isa>(x: f32) -> f32 {
    // NaN compares false to everything and passes through.
    let bounded = if x > 89.0 { 89.0 } else { x };
    let bounded = if bounded < SMALLEST { SMALLEST } else { bounded };
    let (p, n) = split_exponential::<I>(bounded);
    // Two factors, as 2^128 alone is out of range.
    let half = n >> 1;
    let value = p * power(half) * power(n - half);
    if x < SMALLEST { 0.0 } else { value }
}

/// The normal distribution function `(1 + erf(x / sqrt 2)) / 2`.
///
/// With `z = |x| / sqrt 2`: below 1, `erf z = z p(z^2)`; above, `erfc z = e^(-z^2) q(1 / (1 + z / 2))`. The polynomials
/// are least-maximum fits, good to 2e-9 and (relative to erfc) 3e-8.
#[inline(always)]
pub(crate) fn normal_cdf32<I: Isa>(x: f32) -> f32 {
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    // Not z * z, which would double the rounding of z.
    let u = -0.5 * x * x;
    let p = [
        7.889_12e-5,
        8.020_841e-4,
        5.189_535e-3,
        2.685_444_5e-2,
        1.128_36e-1,
        3.761_262_7e-1,
        std::f32::consts::FRAC_2_SQRT_PI,
    ];
    let q = [
        -6.149_397e-2,
        -3.351_752_6e-2,
        3.744_328_3e-1,
        1.204_115_9e-1,
        3.239_104_8e-1,
        2.749_407_5e-1,
        5.024_649_3e-4,
    ];
    let s = 1.0 / I::mul_add(0.5, z, 1.0);
    let near = 0.5 * z * polynomial::<I, 7>(u, p);
    // The exponent is never positive: one power of two is enough.
    let (e, n) = split_exponential::<I>(if u < SMALLEST { SMALLEST } else { u });
    let tail = 0.5 * e * power(n) * polynomial::<I, 7>(s, q);
    let tail = if u < SMALLEST { 0.0 } else { tail };
    let upper = if z < 1.0 { 0.5 + near } else { 1.0 - tail };
    let lower = if z < 1.0 { 0.5 - near } else { tail };
    if x < 0.0 { lower } else { upper }
}

/// The same in float64, by the library's complementary error function, which keeps the lower tail.
#[inline(always)]
pub(crate) fn normal_cdf64(x: f64) -> f64 {
    0.5 * candle_core::cpu::erf::erfc_f64(-x * std::f64::consts::FRAC_1_SQRT_2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::simd::Fused;

    #[test]
    fn exponential_is_near_the_exact_one() {
        for i in -8900..8870 {
            let x = i as f32 * 0.00991;
            let exact = f64::from(x).exp();
            let error = (f64::from(exp32::<Fused>(x)) - exact).abs() / exact;
            assert!(error < 1.5e-7 || x < -87.3, "{x}: {error}");
        }
        assert_eq!(
            (exp32::<Fused>(0.0), exp32::<Fused>(-200.0), exp32::<Fused>(200.0)),
            (1.0, 0.0, f32::INFINITY)
        );
        assert_eq!(exp32::<Fused>(f32::NEG_INFINITY), 0.0);
        assert!(exp32::<Fused>(f32::NAN).is_nan());
    }

    #[test]
    fn normal_distribution_is_near_the_exact_one() {
        for i in -6000..=6000 {
            let x = i as f32 * 1e-3;
            let exact = normal_cdf64(f64::from(x));
            let found = f64::from(normal_cdf32::<Fused>(x));
            assert!((found - exact).abs() < 2e-7 * exact.max(0.5), "{x}: {found} {exact}");
            // The lower tail keeps its digits, apart from the rounding of x squared.
            assert!((found - exact).abs() < 3e-6 * exact, "{x}: {found} {exact}");
        }
        assert_eq!(
            (normal_cdf32::<Fused>(f32::INFINITY), normal_cdf32::<Fused>(f32::NEG_INFINITY)),
            (1.0, 0.0)
        );
        assert!(normal_cdf32::<Fused>(f32::NAN).is_nan());
    }
}

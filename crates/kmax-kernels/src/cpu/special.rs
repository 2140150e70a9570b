//! Exponential and normal distribution function in arithmetic that vectorises.

use super::dispatch::Isa;

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
    // (e^r - 1 - r) / r^2 for |r| < 0.35, the least maximum of the error: 3e-9 of e^r.
    let p = polynomial::<I, 5>(r, [1.381_459_7e-3, 8.368_717e-3, 4.166_839e-2, 1.666_652e-1, 4.999_999_3e-1]);
    // The integer is read from the bits: a conversion would saturate and keep compilers from vectors.
    let n = (shifted.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    (I::mul_add(p, r * r, r) + 1.0, n)
}

/// `2^n` by its bits, for -127 < n < 128.
#[inline(always)]
fn power(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) << 23) as u32)
}

/// `e^x` for |x| < 87, where nothing underflows or overflows.
#[inline(always)]
pub(crate) fn bounded_exp32<I: Isa>(x: f32) -> f32 {
    let (p, n) = split_exponential::<I>(x);
    p * power(n)
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

/// `1 / tail(t)` of the normal distribution's tail `(1 - erf(t / sqrt 2)) / 2`, for 0 <= `t` <= 32.
///
/// The eighth power of a polynomial: a fit to 6e-10 of the least maximum error of `t tail(t)`, up to 6.5. Beyond, `tail`
/// stays below 1e-10 and falls on.
#[inline(always)]
fn inverse_tail32<I: Isa>(t: f32) -> f32 {
    let root = [
        9.950_607e-9,
        -1.279_435_5e-7,
        9.023_370_4e-7,
        -2.249_519_9e-6,
        7.307_093_3e-6,
        2.839_227_6e-5,
        0.000_266_527_03,
        0.000_909_813_7,
        0.009_467_923,
        0.048_811_913,
        0.108_762_614,
        1.090_507_7,
    ];
    let root = polynomial::<I, 12>(t, root);
    let fourth = (root * root) * (root * root);
    fourth * fourth
}

/// `|x|`, or 32, where the tail has long vanished; NaN stays NaN.
#[inline(always)]
fn bounded(x: f32) -> f32 {
    let t = x.abs();
    if t > 32.0 { 32.0 } else { t }
}

/// `x (1 + erf(x / sqrt 2)) / 2`, within 1.3e-7 and one rounding of the exact value.
#[inline(always)]
pub(crate) fn gelu32<I: Isa>(x: f32) -> f32 {
    let t = bounded(x);
    let positive = if x < 0.0 { 0.0 } else { x };
    positive - t / inverse_tail32::<I>(t)
}

/// The normal distribution function `(1 + erf(x / sqrt 2)) / 2`.
#[inline(always)]
pub(crate) fn normal_cdf32<I: Isa>(x: f32) -> f32 {
    let tail = 1.0 / inverse_tail32::<I>(bounded(x));
    if x < 0.0 { tail } else { 1.0 - tail }
}

/// The same in float64, by the library's complementary error function, which keeps the lower tail.
#[inline(always)]
pub(crate) fn normal_cdf64(x: f64) -> f64 {
    0.5 * candle_core::cpu::erf::erfc_f64(-x * std::f64::consts::FRAC_1_SQRT_2)
}

/// GELU in float64.
#[inline(always)]
pub(crate) fn gelu64(x: f64) -> f64 {
    x * normal_cdf64(x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::vector::Array;
    use crate::cpu::{Float, Portable};

    /// With the fused instruction, or the library call in its place.
    struct Fused;

    impl Isa for Fused {
        type Vector<T: Float> = Array<T>;

        fn mul_add<T: Float>(a: T, b: T, c: T) -> T {
            a.fused(b, c)
        }
    }

    #[test]
    fn exponential_is_near_the_exact_one() {
        for i in -8900..8870 {
            let x = i as f32 * 0.00991;
            let exact = f64::from(x).exp();
            let error = (f64::from(exp32::<Fused>(x)) - exact).abs() / exact;
            assert!(error < 1.5e-7 || x < -87.3, "{x}: {error}");
            assert!(x.abs() >= 87.0 || bounded_exp32::<Fused>(x) == exp32::<Fused>(x), "{x}");
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
            assert!((found - exact).abs() < 8e-7, "{x}: {found} {exact}");
            let (exact, found) = (gelu64(f64::from(x)), f64::from(gelu32::<Fused>(x)));
            assert!((found - exact).abs() < 1.3e-7 + 6e-8 * exact.abs(), "{x}: {found} {exact}");
        }
        assert_eq!(
            (normal_cdf32::<Fused>(f32::INFINITY), normal_cdf32::<Fused>(f32::NEG_INFINITY)),
            (1.0, 0.0)
        );
        assert!(normal_cdf32::<Fused>(f32::NAN).is_nan() && gelu32::<Fused>(f32::NAN).is_nan());
        for (x, y) in [(0.0, 0.0), (40.0, 40.0), (f32::INFINITY, f32::INFINITY), (f32::NEG_INFINITY, 0.0)] {
            assert_eq!(gelu32::<Fused>(x), y);
            assert_eq!(gelu32::<Portable>(x), y);
        }
        // Far out the tail vanishes, and before it never grows.
        let tails: Vec<_> = (0..4000).map(|i| 1.0 / inverse_tail32::<Fused>(i as f32 * 8e-3)).collect();
        assert!(tails.windows(2).all(|two| two[0] >= two[1] * 0.999_999) && tails[3999] == 0.0);
        assert!(tails[813] < 1e-10);
    }
}

//! Exponential and error function in arithmetic that vectorises.

/// `e^x`: `x = n ln 2 + r`, a polynomial for `e^r`, the power of two by its bits. Saturates to 0 and infinity.
#[inline(always)]
pub(crate) fn exp32(x: f32) -> f32 {
    // Beyond these the result is zero (below the smallest normal number) or infinite.
    let bounded = if x > 89.0 { 89.0 } else { x };
    let bounded = if bounded < -87.33 { -87.33 } else { bounded };
    // Adding 1.5 * 2^23 rounds to the nearest integer and leaves it in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let shifted = bounded * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    // ln 2 in two parts, the first with few enough bits that n times it is exact.
    let r = (bounded - n * 0.693_359_4) - n * -2.121_944_4e-4;
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_2e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 5e-1;
    let p = p * (r * r) + r + 1.0;
    // Two factors, as 2^128 alone is out of range.
    let n = n as i32;
    let half = n >> 1;
    let power = |n: i32| f32::from_bits(((n + 127) << 23) as u32);
    let value = p * power(half) * power(n - half);
    // NaN compares false to everything and has passed through so far.
    if x < -87.33 {
        0.0
    } else if x.is_nan() {
        x
    } else {
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_is_near_the_exact_one() {
        for i in -8900..8870 {
            let x = i as f32 * 0.00991;
            let exact = f64::from(x).exp();
            let error = (f64::from(exp32(x)) - exact).abs() / exact;
            assert!(error < 1.5e-7 || x < -87.3, "{x}: {error}");
        }
        assert_eq!((exp32(0.0), exp32(-200.0), exp32(200.0)), (1.0, 0.0, f32::INFINITY));
        assert_eq!(exp32(f32::NEG_INFINITY), 0.0);
        assert!(exp32(f32::NAN).is_nan());
    }
}

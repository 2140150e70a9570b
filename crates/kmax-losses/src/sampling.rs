//! Sampling pixels without replacement by the Gumbel top-k trick.

use kmax_nn::Mode;
use std::collections::HashMap;

/// Added to the logit of a void pixel, as in both reference implementations.
const MASKING: f32 = -99999.0;

/// Where the uniform noise of the sampling comes from.
pub trait Uniforms {
    /// `count` numbers in `[0, 1)`, image after image, for one term: `pixels` or `semantic` of the last layer,
    /// `pixels_0` of the first auxiliary one, and so on.
    fn uniforms(&self, term: &str, count: usize) -> Vec<f32>;
}

/// Draws from the step's generator.
impl Uniforms for Mode {
    fn uniforms(&self, _: &str, count: usize) -> Vec<f32> {
        // Rounding to float32 must not reach one.
        self.uniform(count).into_iter().map(|u| (u as f32).min(1.0 - f32::EPSILON / 2.0)).collect()
    }
}

/// Given numbers, by the term's name. A term without any has zeros, which samples the first pixels.
impl Uniforms for HashMap<String, Vec<f32>> {
    fn uniforms(&self, term: &str, count: usize) -> Vec<f32> {
        let mut values = self.get(term).cloned().unwrap_or_default();
        values.resize(count, 0.0);
        values
    }
}

/// The `count` pixels whose perturbed logit is largest, largest first and earlier pixels before later ones.
///
/// The logit of a pixel is `temperature * ln(inverse_area)`, void pixels come last. All in float32, in which the logits
/// of void pixels have ties.
pub(crate) fn sample(
    inverse_area: impl Iterator<Item = (f64, bool)>,
    temperature: f64,
    noise: &[f32],
    count: usize,
) -> Vec<u32> {
    let keys: Vec<f32> = inverse_area
        .zip(noise)
        .map(|((inverse, void), uniform)| {
            let mut logit = (inverse as f32).ln() * temperature as f32;
            if void {
                logit += MASKING;
            }
            logit - (-uniform.ln()).ln()
        })
        .collect();
    let mut order: Vec<u32> = (0..keys.len() as u32).collect();
    let count = count.min(order.len());
    let compare = |a: &u32, b: &u32| keys[*b as usize].total_cmp(&keys[*a as usize]).then(a.cmp(b));
    if count < order.len() {
        order.select_nth_unstable_by(count, compare);
        order.truncate(count);
    }
    order.sort_unstable_by(compare);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn void_pixels_come_last_and_small_segments_first() {
        let area = [(100.0, false), (1.0, false), (100.0, true), (1.0, false), (1.0, true)];
        let order = sample(area.into_iter(), 1.5, &[0.5; 5], 5);
        assert_eq!(order, [0, 1, 3, 2, 4]);
        assert_eq!(sample(area.into_iter(), 1.5, &[0.5; 5], 2), [0, 1]);
        assert_eq!(sample(area.into_iter(), 1.5, &[0.5; 5], 9).len(), 5);
    }

    #[test]
    fn frequencies_follow_the_logits() {
        // One of two pixels with odds 3 : 1.
        let mode = Mode::train(5);
        let hits = (0..4000)
            .filter(|_| {
                let noise = mode.uniforms("pixels", 2);
                sample([(3.0, false), (1.0, false)].into_iter(), 1.0, &noise, 1) == [0]
            })
            .count();
        // Four standard deviations around 3000.
        assert!((hits as f64 - 3000.0).abs() < 110.0, "{hits}");
    }

    #[test]
    fn zero_noise_is_survived() {
        assert_eq!(sample([(1.0, false), (1.0, false)].into_iter(), 1.0, &[0.0, 0.5], 2), [1, 0]);
    }
}

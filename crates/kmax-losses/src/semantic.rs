//! The auxiliary semantic loss: cross entropy of the semantic head, on sampled pixels or on all.

use crate::float::Float;

/// A pixel that counts: its index in the logits' map, its class and its weight.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Labelled {
    pub pixel: usize,
    pub class: usize,
    pub weight: f64,
}

/// The term of one image from `logits` `[channels, pixels]`; `considered` pixels were looked at, of which those in `chosen`
/// have a label. The gradient, times `scale`, is added to `gradient`.
pub(crate) fn semantic_term<T: Float>(
    logits: &[T],
    gradient: &mut [T],
    pixels: usize,
    chosen: &[Labelled],
    considered: usize,
    top_k: f64,
    scale: f64,
) -> f64 {
    let channels = logits.len() / pixels.max(1);
    let mut losses: Vec<(f64, usize)> = chosen
        .iter()
        .enumerate()
        .map(|(i, at)| {
            let (most, total) = log_sum(logits, pixels, at.pixel);
            let loss = most + total.ln() - logits[at.class * pixels + at.pixel].to_f64();
            (at.weight * loss, i)
        })
        .collect();
    if top_k < 1.0 {
        // base_loss.py rounds in float32, halves to even.
        let keep = ((top_k as f32) * (considered as f32)).round_ties_even() as usize;
        losses.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        losses.truncate(keep);
    }
    // In the precision of the logits a confident pixel's loss is zero, and it is not counted.
    let alive = losses.iter().filter(|(loss, _)| T::from_f64(*loss).to_f64() != 0.0).count().max(1) as f64;
    for (_, i) in &losses {
        let Labelled { pixel, class, weight } = chosen[*i];
        let (most, total) = log_sum(logits, pixels, pixel);
        for channel in 0..channels {
            let at = channel * pixels + pixel;
            let p = (logits[at].to_f64() - most).exp() / total;
            let hit = if channel == class { 1.0 } else { 0.0 };
            gradient[at] += T::from_f64(scale * weight / alive * (p - hit));
        }
    }
    losses.iter().map(|(loss, _)| loss).sum::<f64>() / alive
}

fn log_sum<T: Float>(logits: &[T], pixels: usize, pixel: usize) -> (f64, f64) {
    let column = || logits[pixel..].iter().step_by(pixels).map(|x| x.to_f64());
    let most = column().fold(f64::NEG_INFINITY, f64::max);
    (most, column().map(|x| (x - most).exp()).sum())
}

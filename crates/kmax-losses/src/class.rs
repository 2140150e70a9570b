//! The class term of the PQ-style loss (MaX-DeepLab, eq. 10): cross entropy, weighted by how good the masks are.

use crate::assigned::Assigned;
use crate::float::Float;

/// The term of one image from class probabilities `[queries, classes + 1]`, which become the gradient with respect
/// to the logits, times `scale`. `logits` are read where a probability is too small for its logarithm.
pub(crate) fn class_term<T: Float>(
    logits: &[T],
    probabilities: &mut [T],
    assigned: &Assigned,
    focal_alpha: f64,
    scale: f64,
) -> f64 {
    let queries = assigned.classes.len();
    let channels = probabilities.len() / queries.max(1);
    let mut weights = Vec::with_capacity(queries);
    let (mut sum, mut count) = (0.0, 0.0f64);
    for (query, (class, weight)) in assigned.classes.iter().zip(&assigned.class_weights).enumerate() {
        let class = *class as usize;
        let alpha = if class + 1 == channels { 1.0 - focal_alpha } else { focal_alpha };
        let row = query * channels..(query + 1) * channels;
        let loss = alpha * weight * negative_log(&logits[row.clone()], &probabilities[row], class);
        sum += loss;
        count += if loss == 0.0 { 0.0 } else { 1.0 };
        weights.push(alpha * weight);
    }
    let count = count.max(1.0);
    for (query, (row, weight)) in probabilities.chunks_exact_mut(channels.max(1)).zip(weights).enumerate() {
        let factor = scale * weight / count;
        for (class, p) in row.iter_mut().enumerate() {
            let hit = if class == assigned.classes[query] as usize { 1.0 } else { 0.0 };
            *p = T::from_f64(factor * (p.to_f64() - hit));
        }
    }
    sum / count
}

/// `-ln p[at]` for `p = softmax(logits)`.
pub(crate) fn negative_log<T: Float>(logits: &[T], p: &[T], at: usize) -> f64 {
    if p[at].to_f64() > T::TINY {
        return -p[at].ln();
    }
    let most = logits.iter().map(|x| x.to_f64()).fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = logits.iter().map(|x| (x.to_f64() - most).exp()).sum();
    most + total.ln() - logits[at].to_f64()
}

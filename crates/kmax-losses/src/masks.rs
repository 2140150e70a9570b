//! The terms on mask logits: dice term of the PQ-style loss and mask-id cross entropy.

use crate::assigned::Assigned;
use crate::config::LossConfig;
use crate::float::Float;
use crate::similarity::Soft;
use crate::targets::Targets;
use rayon::prelude::*;

/// Keeps the dice term of an empty mask finite (both reference implementations).
const SMOOTH: f64 = 1.0;
/// Mask logit of a padding query (deeplab2).
const PADDING_LOGIT: f64 = -99999.0;
/// Pixels that one task works on.
const CHUNK: usize = 2048;

/// Dice term and mask-id cross entropy of one image. The mask probabilities `[queries, pixels]` become the gradient
/// of the weighted sum of both with respect to the logits, times `scale`.
pub(crate) fn mask_terms<T: Float>(
    logits: &[T],
    probabilities: &mut [T],
    soft: &Soft<'_, T>,
    (targets, assigned): (&Targets, &Assigned),
    config: &LossConfig,
    scale: f64,
) -> (f64, f64) {
    let (cells, pixels) = (targets.cells.len(), targets.cell_of.len());
    let (dice, mut slopes) = dice_term(soft, assigned, cells, config, scale);
    let (entropy, count) = cross_entropy(logits, probabilities, soft.queries, targets, assigned);

    // With u = dice slope and t = target, the gradient of a logit is p (u + k sum t - sum p u) - k t.
    let k = scale * config.mask_weight / count;
    let push: Vec<f64> = assigned
        .slots
        .iter()
        .zip(&assigned.void)
        .map(|(slots, void)| if !slots.is_empty() || (config.blank_targets_push && !void) { k } else { 0.0 })
        .collect();
    let mut mean = vec![0.0; pixels];
    mean.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, mean)| {
        let start = chunk * CHUNK;
        let cell_of = &targets.cell_of[start..][..mean.len()];
        for (row, slopes) in probabilities.chunks_exact(pixels).zip(slopes.chunks_exact(cells)) {
            for ((mean, p), cell) in mean.iter_mut().zip(&row[start..]).zip(cell_of) {
                *mean += p.to_f64() * slopes[*cell as usize];
            }
        }
    });
    slopes.chunks_exact_mut(cells).for_each(|row| row.iter_mut().zip(&push).for_each(|(u, push)| *u += push));
    let mut pull = vec![0.0; soft.queries * cells];
    for (cell, slots) in assigned.slots.iter().enumerate() {
        for slot in slots.iter().filter(|slot| (**slot as usize) < soft.queries) {
            pull[*slot as usize * cells + cell] = k / slots.len() as f64;
        }
    }
    if pixels > 0 {
        let tables = slopes.par_chunks_exact(cells).zip(pull.par_chunks_exact(cells));
        probabilities.par_chunks_exact_mut(pixels).zip(tables).for_each(|(row, (slopes, pull))| {
            for ((p, cell), mean) in row.iter_mut().zip(&targets.cell_of).zip(&mean) {
                let cell = *cell as usize;
                *p = T::from_f64(p.to_f64() * (slopes[cell] - mean) - pull[cell]);
            }
        });
    }
    (dice, entropy)
}

/// The dice term (V-Net's with squares left out; base_loss.py, `compute_mask_dice_loss`) and its slope with respect to the
/// probability of each query on each cell, weighted.
fn dice_term<T: Float>(
    soft: &Soft<'_, T>,
    assigned: &Assigned,
    cells: usize,
    config: &LossConfig,
    scale: f64,
) -> (f64, Vec<f64>) {
    let modifier = config.focal_alpha / soft.queries as f64;
    let mut slopes = vec![0.0; soft.queries * cells];
    let mut sum = 0.0;
    for (slot, weight) in assigned.dice_weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
        if slot >= soft.queries {
            // A padding query predicts nothing.
            sum += weight * (1.0 - SMOOTH / (assigned.areas[slot] + SMOOTH));
            continue;
        }
        let (mut shared, mut total) = (0.0, 0.0);
        let row = soft.row(slot);
        for (slots, p) in assigned.slots.iter().zip(row) {
            if !slots.is_empty() || !config.mask_void_pixels {
                total += p;
            }
            if slots.contains(&(slot as u32)) {
                shared += p / slots.len() as f64;
            }
        }
        let (above, below) = (2.0 * shared + SMOOTH, total + assigned.areas[slot] + SMOOTH);
        sum += weight * (1.0 - above / below);
        let factor = scale * config.dice_weight * modifier * weight;
        for (slots, slope) in assigned.slots.iter().zip(&mut slopes[slot * cells..][..cells]) {
            if !slots.is_empty() || !config.mask_void_pixels {
                *slope += factor * above / (below * below);
            }
            if slots.contains(&(slot as u32)) {
                *slope -= factor * 2.0 / slots.len() as f64 / below;
            }
        }
    }
    (sum * modifier, slopes)
}

/// Mean over the pixels with a loss of the cross entropy between queries and targets; and how many these are.
fn cross_entropy<T: Float>(
    logits: &[T],
    probabilities: &[T],
    queries: usize,
    targets: &Targets,
    assigned: &Assigned,
) -> (f64, f64) {
    let pixels = targets.cell_of.len();
    let parts: Vec<(f64, usize)> = targets
        .cell_of
        .par_chunks(CHUNK)
        .enumerate()
        .map(|(chunk, cell_of)| {
            let (mut sum, mut count) = (0.0, 0);
            for (i, cell) in cell_of.iter().enumerate() {
                let (pixel, slots) = (chunk * CHUNK + i, &assigned.slots[*cell as usize]);
                let mut loss = 0.0;
                for slot in slots {
                    let at = *slot as usize * pixels + pixel;
                    loss += if (*slot as usize) < queries && probabilities[at].to_f64() > T::TINY {
                        -probabilities[at].ln()
                    } else {
                        let logit =
                            if (*slot as usize) < queries { logits[at].to_f64() } else { PADDING_LOGIT };
                        log_sum_exp(logits, pixel, pixels) - logit
                    };
                }
                if loss != 0.0 {
                    sum += loss / slots.len() as f64;
                    count += 1;
                }
            }
            (sum, count)
        })
        .collect();
    let count = parts.iter().map(|(_, count)| count).sum::<usize>().max(1) as f64;
    (parts.iter().map(|(sum, _)| sum).sum::<f64>() / count, count)
}

fn log_sum_exp<T: Float>(logits: &[T], pixel: usize, pixels: usize) -> f64 {
    let column = || logits[pixel..].iter().step_by(pixels).map(|x| x.to_f64());
    let most = column().fold(f64::NEG_INFINITY, f64::max);
    most + column().map(|x| (x - most).exp()).sum::<f64>().ln()
}

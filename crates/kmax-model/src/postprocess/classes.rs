//! What each query is.

use super::{PostprocessConfig, QueryLogits};
use crate::error::{Error, Result};
use kmax_masks::Categories;

/// A query's best class.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Best {
    /// Index of the class.
    pub class: usize,
    /// Its probability, void being among the alternatives.
    pub score: f32,
    /// Whether that is enough for a class of its kind.
    pub confident: bool,
}

/// What void is to the class probabilities, among which it never stands itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Void {
    /// It has its share.
    Counts,
    /// The others share everything.
    LeftOut,
}

/// Class probabilities `[queries, classes]`: a softmax over the classes, and void where it counts.
pub(super) fn probabilities(predictions: &QueryLogits, void: Void) -> Vec<f32> {
    let classes = predictions.classes;
    let rows = predictions.class_logits.chunks_exact(classes + 1);
    rows.flat_map(|row| {
        let row = if void == Void::LeftOut { &row[..classes] } else { row };
        softmax(row).take(classes)
    })
    .collect()
}

/// The probabilities of logits.
pub(super) fn softmax(row: &[f32]) -> impl Iterator<Item = f32> {
    let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exp = move |logit: &f32| f64::from(*logit - most).exp();
    let sum: f64 = row.iter().map(exp).sum();
    row.iter().map(move |logit| (exp(logit) / sum) as f32)
}

/// The best class of each query; the first of equal ones.
pub(super) fn best(
    predictions: &QueryLogits,
    config: &PostprocessConfig,
    categories: &Categories,
) -> Result<Vec<Best>> {
    if categories.len() != predictions.classes {
        let (known, predicted) = (categories.len(), predictions.classes);
        return Err(Error::Network(format!("{predicted} classes predicted, {known} categories known")));
    }
    let things: Vec<bool> = categories.iter().map(|category| category.isthing).collect();
    let best = |row: &[f32]| {
        let first = Best { class: 0, score: f32::NEG_INFINITY, confident: false };
        let better = |best: Best, (class, &score): (usize, &f32)| {
            if score > best.score { Best { class, score, ..best } } else { best }
        };
        let best = row.iter().enumerate().fold(first, better);
        let confident = match config.convention {
            super::Convention::Deeplab2 => best.score >= threshold(config, things[best.class]),
            super::Convention::Pytorch => best.score > threshold(config, things[best.class]),
        };
        Best { confident, ..best }
    };
    Ok(probabilities(predictions, Void::Counts).chunks_exact(predictions.classes).map(best).collect())
}

fn threshold(config: &PostprocessConfig, thing: bool) -> f32 {
    if thing { config.class_threshold_thing } else { config.class_threshold_stuff }
}

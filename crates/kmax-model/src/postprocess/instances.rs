//! Instance results.

use super::classes::{self, Void};
use super::outlines::Outlines;
use super::{Convention, Frame, PostprocessConfig, QueryLogits};
use crate::error::{Error, Result};
use kmax_masks::{Categories, Rle};
use std::collections::{HashMap, HashSet};

/// One object.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance {
    /// Its category's id.
    pub category_id: u32,
    /// Class probability times mean mask probability.
    pub score: f32,
    /// Its pixels in the image. Masks of different instances may overlap.
    pub mask: Rle,
}

/// Which classes give instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scope {
    /// Things.
    #[default]
    Things,
    /// Stuff as well.
    All,
}

/// The instances of the image by falling score (PyTorch's `instance_inference`, in its arithmetic whatever the
/// convention; deeplab2 has no such thing).
///
/// The best `max_instances` pairs of query and class are taken; those of a class out of `scope` and those whose mask is
/// empty are left out.
///
/// # Errors
/// If the sizes contradict each other, or `categories` are not the predicted classes, in their order.
pub fn instances(
    predictions: &QueryLogits,
    frame: &Frame,
    config: &PostprocessConfig,
    categories: &Categories,
    scope: Scope,
) -> Result<Vec<Instance>> {
    config.validate()?;
    if categories.len() != predictions.classes {
        let (known, predicted) = (categories.len(), predictions.classes);
        return Err(Error::Network(format!("{predicted} classes predicted, {known} categories known")));
    }
    let void = if config.instances_without_void { Void::LeftOut } else { Void::Counts };
    let probabilities = classes::probabilities(predictions, void);
    let mut pairs: Vec<usize> = (0..probabilities.len()).collect();
    pairs.sort_by(|&a, &b| probabilities[b].total_cmp(&probabilities[a]));
    pairs.truncate(config.max_instances);
    let list = categories.as_slice();
    pairs.retain(|pair| scope == Scope::All || list[pair % predictions.classes].isthing);

    let masks = frame.masks(predictions, Convention::Pytorch)?;
    let used: HashSet<usize> = pairs.iter().map(|pair| pair / predictions.classes).collect();
    let wanted = |query: usize| used.contains(&query);
    let mut outlines = Outlines::new(&masks, predictions.queries, config.pixel_threshold, wanted);
    let mut masks = HashMap::new();
    for &query in &used {
        if let Some(mask) = outlines.take(query)? {
            masks.insert(query, mask);
        }
    }
    let mut found = Vec::new();
    for pair in pairs {
        let (query, class) = (pair / predictions.classes, pair % predictions.classes);
        let Some(mask) = masks.get(&query) else { continue };
        let total = outlines.totals[query];
        let (sum, count) = (total.sum as f32, total.count as f32);
        let score = probabilities[pair] * (sum / (count + 1e-6));
        found.push(Instance { category_id: list[class].id, score, mask: mask.clone() });
    }
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    Ok(found)
}

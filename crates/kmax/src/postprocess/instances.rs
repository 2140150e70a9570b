//! Instance results.

use super::claims::{Claims, SEVERAL};
use super::{Frame, Manner, PostprocessConfig, Predictions, classes};
use crate::{Error, Result};
use kmax_masks::rle::Merge;
use kmax_masks::{Categories, Rle};
use std::collections::{HashMap, HashSet};

/// One object.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance {
    /// Its category's id.
    pub category_id: u32,
    /// Class probability times mean mask probability.
    pub score: f32,
    /// Its pixels in the photo. Masks of different instances may overlap.
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

/// The instances of the photo by falling score (the port's `instance_inference`, in its arithmetic whatever the
/// manner; deeplab2 has no such thing).
///
/// The best `max_instances` pairs of query and class are taken; those of a class out of `scope` and those whose mask is
/// empty are left out.
///
/// # Errors
/// If the sizes contradict each other, or `categories` are not the predicted classes, in their order.
pub fn instances(
    predictions: &Predictions,
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
    let probabilities = classes::probabilities(predictions);
    let mut pairs: Vec<usize> = (0..probabilities.len()).collect();
    pairs.sort_by(|&a, &b| probabilities[b].total_cmp(&probabilities[a]));
    pairs.truncate(config.max_instances);
    let list = categories.as_slice();
    pairs.retain(|pair| scope == Scope::All || list[pair % predictions.classes].isthing);

    let masks = frame.masks(predictions, Manner::Port)?;
    let claims = Claims::new(&masks, predictions.queries, config.pixel_threshold)?;
    let totals = claims.totals.clone();
    let used: HashSet<usize> = pairs.iter().map(|pair| pair / predictions.classes).collect();
    let masks = encode(claims, &used)?;
    let mut found = Vec::new();
    for pair in pairs {
        let (query, class) = (pair / predictions.classes, pair % predictions.classes);
        let Some(mask) = masks.get(&query) else { continue };
        let (sum, count) = (totals[query].sum as f32, totals[query].count as f32);
        let score = probabilities[pair] * (sum / (count + 1e-6));
        found.push(Instance { category_id: list[class].id, score, mask: mask.clone() });
    }
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    Ok(found)
}

/// The masks of these queries, but for empty ones.
fn encode(claims: Claims, used: &HashSet<usize>) -> Result<HashMap<usize, Rle>> {
    // Pixels that several queries claim get an id for each such set of queries.
    let mut sets: HashMap<Vec<u16>, u32> = HashMap::new();
    let queries = claims.totals.len() as u32;
    let mut map = claims.map;
    let data = map.data_mut();
    for group in claims.several.chunk_by(|a, b| a.0 == b.0) {
        let set: Vec<u16> = group.iter().map(|(_, query)| *query).collect();
        let next = queries + 1 + sets.len() as u32;
        let pixel = &mut data[group[0].0 as usize];
        debug_assert_eq!(*pixel, SEVERAL);
        *pixel = *sets.entry(set).or_insert(next);
    }
    let mut parts: HashMap<usize, Vec<Rle>> = HashMap::new();
    let mut keep = |query: usize, part: &Rle| {
        if used.contains(&query) {
            parts.entry(query).or_default().push(part.clone());
        }
    };
    let sets: HashMap<u32, Vec<u16>> = sets.into_iter().map(|(set, id)| (id, set)).collect();
    for (id, part) in Rle::encode_all(&map) {
        match sets.get(&id) {
            Some(set) => set.iter().for_each(|&query| keep(usize::from(query), &part)),
            None if id == 0 => {}
            None => keep(id as usize - 1, &part),
        }
    }
    parts.into_iter().map(|(query, parts)| Ok((query, Rle::merge(&parts, Merge::Union)?))).collect()
}

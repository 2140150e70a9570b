//! Targets after the matching: what each query has to predict, and with which weight.

use crate::config::{LossConfig, UnmatchedTargets};
use crate::error::Result;
use crate::float::Float;
use crate::similarity::{Match, Soft, is_void};
use crate::targets::Targets;

/// The targets of one image by query. Slots below `queries` are queries, further ones are padding.
#[derive(Debug, Clone)]
pub(crate) struct Assigned {
    pub matches: Vec<Match>,
    /// Class of each query, or the number of classes for void.
    pub classes: Vec<u32>,
    /// Weight of each query in the class term.
    pub class_weights: Vec<f64>,
    /// Weight of each slot in the dice term; 0 without a target.
    pub dice_weights: Vec<f64>,
    /// Pixels of each slot's target, overlaps shared out.
    pub areas: Vec<f64>,
    /// Slots that each cell belongs to, each with the share `1 / slots`.
    pub slots: Vec<Vec<u32>>,
    /// Which cells are void.
    pub void: Vec<bool>,
    /// Pixels of the image over pixels of the target, for each cell.
    pub inverse_area: Vec<f64>,
}

impl Assigned {
    pub(crate) fn new<T: Float>(
        image: usize,
        soft: &Soft<'_, T>,
        targets: &Targets,
        config: &LossConfig,
        given: Option<&[(usize, usize)]>,
    ) -> Result<Self> {
        let matches = soft.matches(image, targets, config, given)?;
        let queries = soft.queries;
        let void_class = soft.channels() as u32 - 1;
        let mut slot_of: Vec<Option<u32>> = vec![None; targets.labels().len()];
        let mut classes = vec![void_class; queries];
        for found in &matches {
            slot_of[found.target] = Some(found.query as u32);
            classes[found.query] = targets.labels()[found.target];
        }
        let mut slot_count = queries;
        if config.unmatched_targets == UnmatchedTargets::Padding {
            for slot in slot_of.iter_mut().filter(|slot| slot.is_none()) {
                *slot = Some(slot_count as u32);
                slot_count += 1;
            }
        }
        let slots: Vec<Vec<u32>> = targets
            .cells
            .iter()
            .map(|cell| cell.segments.iter().filter_map(|target| slot_of[*target as usize]).collect())
            .collect();
        let cells = || targets.cells.iter().zip(&slots);
        let void: Vec<bool> = cells().map(|(cell, slots)| is_void(cell, !slots.is_empty(), config)).collect();

        let mut dice_weights = vec![0.0; slot_count];
        dice_weights[queries..].fill(config.weight_floor);
        let mut class_weights: Vec<f64> =
            (0..queries).map(|query| soft.share(query, &void).max(config.weight_floor)).collect();
        for found in &matches {
            dice_weights[found.query] = found.class_similarity.max(config.weight_floor);
            class_weights[found.query] = found.mask_similarity.max(config.weight_floor);
        }

        let mut areas = vec![0.0; slot_count];
        for (slots, size) in slots.iter().zip(&targets.sizes) {
            let share = 1.0 / slots.len() as f64;
            slots.iter().for_each(|slot| areas[*slot as usize] += *size as f64 * share);
        }
        let pixels = targets.cell_of.len() as f64;
        let inverse_area = slots
            .iter()
            .map(|slots| {
                let area: f64 = slots.iter().map(|slot| areas[*slot as usize] / slots.len() as f64).sum();
                pixels / area.max(1.0)
            })
            .collect();
        Ok(Self { matches, classes, class_weights, dice_weights, areas, slots, void, inverse_area })
    }
}

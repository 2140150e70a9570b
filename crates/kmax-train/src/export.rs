//! The model folder that a run leaves.

use crate::config::{Float, TrainConfig};
use crate::error::Result;
use crate::observer::Evaluation;
use candle_core::{DType, Tensor};
use kmax_model::{Config, ModelCard, folder};
use std::collections::HashMap;
use std::fmt::Write;
use std::path::Path;

/// Writes the trained model with a card that says how it was made and what it reached.
pub(super) fn export(
    folder: &Path,
    config: &TrainConfig,
    model: &Config,
    weights: HashMap<String, Tensor>,
    measured: &Evaluation,
) -> Result<()> {
    // Inference has no use for the auxiliary head.
    let weights = weights.into_iter().filter(|(name, _)| !name.starts_with("semantic_head.")).collect();
    let sections = vec![("Training".into(), training(config)), ("Validation".into(), validation(measured))];
    let card =
        ModelCard { name: config.export.name.clone(), license: config.export.license.clone(), sections };
    let dtype = match config.export.dtype {
        Float::F32 => DType::F32,
        Float::F16 => DType::F16,
    };
    Ok(folder::save(folder, model, weights, dtype, &card)?)
}

fn training(config: &TrainConfig) -> String {
    let schedule = &config.schedule;
    let [height, width] = config.augment.crop;
    format!(
        "`kmax train`, seed {}: {} steps of {} crops of {height} x {width} pixels; AdamW with a learning rate of {}, \
         {} for the backbone.",
        config.seed,
        schedule.steps,
        schedule.batch,
        schedule.learning_rate,
        // Products of decimal fractions have seventeen digits.
        (schedule.learning_rate * schedule.backbone_multiplier) as f32
    )
}

/// The numbers of the last measurement, as Markdown.
fn validation(evaluation: &Evaluation) -> String {
    let percent = |share: Option<f64>| share.map_or("-".into(), |share| format!("{:.1}", 100.0 * share));
    let report = &evaluation.panoptic;
    let mut text =
        format!("mIoU {}\n\n| | PQ | SQ | RQ |\n| --- | --- | --- | --- |\n", percent(evaluation.miou));
    for (name, group) in [("all", &report.all), ("things", &report.things), ("stuff", &report.stuff)] {
        let (pq, sq, rq) = (percent(group.pq), percent(group.sq), percent(group.rq));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {name} | {pq} | {sq} | {rq} |");
    }
    for (_, class) in &report.per_class {
        let [pq, sq, rq] = [class.pq, class.sq, class.rq].map(|share| percent(Some(share)));
        let _ = writeln!(text, "| {} | {pq} | {sq} | {rq} |", class.name);
    }
    text
}

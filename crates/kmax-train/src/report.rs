//! The page of a run, and its event file: both are made of the log, whole, each time.

use crate::config::TrainConfig;
use crate::error::{Error, Result};
use crate::events;
use crate::log::LOG;
use kmax_base::read::{MAX_LIST, read_text};
use kmax_report::run::{ClassMeasurement, Measurement, Photo, RunReport, StepPoint, page};
use serde_json::Value;
use std::path::Path;

/// The page.
const PAGE: &str = "report.html";
/// TensorBoard takes files whose name holds `tfevents`.
const EVENTS: &str = "events.out.tfevents.0.kmax";

/// Writes both into the run's folder. `photos` are those of the last measurement.
///
/// # Errors
/// If the log cannot be read, or a file not be written.
pub(crate) fn write(
    config: &TrainConfig,
    command: &str,
    warnings: &[String],
    photos: &[Photo],
) -> Result<()> {
    let folder = &config.output;
    let log = folder.join(LOG);
    let text =
        read_text(&log, MAX_LIST).map_err(|e| Error::Output { file: log.clone(), reason: e.to_string() })?;
    let lines: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let begun = lines.iter().find_map(|line| line.get("time")?.as_f64()).unwrap_or_default();
    let report = RunReport {
        title: config.export.name.clone(),
        command: command.to_owned(),
        settings: settings(config),
        planned_steps: Some(config.schedule.steps),
        steps: lines.iter().filter_map(step).collect(),
        measurements: lines.iter().filter_map(|line| measurement(line, begun)).collect(),
        photos: photos.to_vec(),
        warnings: warnings.to_vec(),
    };
    put(&folder.join(PAGE), page(&report).as_bytes())?;
    let mut records = events::header(begun);
    for line in &lines {
        let (Some(step), Some(values)) = (line.get("step").and_then(Value::as_u64), scalars(line)) else {
            continue;
        };
        let time = line.get("time").and_then(Value::as_f64).unwrap_or(begun);
        records.extend(events::scalars(time, step, &values));
    }
    put(&folder.join(EVENTS), &records)
}

fn put(file: &Path, data: &[u8]) -> Result<()> {
    kmax_base::write_atomically(file, data)
        .map_err(|e| Error::Output { file: file.into(), reason: e.to_string() })
}

fn number(line: &Value, name: &str) -> Option<f64> {
    line.get(name)?.as_f64()
}

fn step(line: &Value) -> Option<StepPoint> {
    let terms = line.get("terms")?.as_object()?;
    Some(StepPoint {
        step: whole(line)?,
        learning_rate: number(line, "learning_rate")?,
        loss: number(line, "loss")?,
        terms: terms.iter().filter_map(|(name, value)| Some((name.clone(), value.as_f64()?))).collect(),
    })
}

fn whole(line: &Value) -> Option<usize> {
    line.get("step")?.as_u64()?.try_into().ok()
}

fn measurement(line: &Value, begun: f64) -> Option<Measurement> {
    line.get("pq")?;
    let classes = line.get("classes").and_then(Value::as_array).into_iter().flatten();
    let class = |row: &Value| {
        Some(ClassMeasurement {
            name: row.get("name")?.as_str()?.to_owned(),
            isthing: row.get("isthing")?.as_bool()?,
            pq: number(row, "pq"),
            sq: number(row, "sq"),
            rq: number(row, "rq"),
            iou: number(row, "iou"),
        })
    };
    Some(Measurement {
        step: whole(line)?,
        seconds: number(line, "time").map_or(0.0, |time| time - begun),
        pq: number(line, "pq"),
        sq: number(line, "sq"),
        rq: number(line, "rq"),
        miou: number(line, "miou"),
        per_class: classes.filter_map(class).collect(),
    })
}

/// The numbers of a line under TensorBoard's names.
fn scalars(line: &Value) -> Option<Vec<(String, f64)>> {
    let named = |group: &str, names: &[&str]| -> Vec<(String, f64)> {
        names.iter().filter_map(|name| Some((format!("{group}/{name}"), number(line, name)?))).collect()
    };
    if line.get("pq").is_some() {
        return Some(named("validation", &["pq", "sq", "rq", "miou"]));
    }
    let mut values = named("train", &["loss", "learning_rate", "gradient_norm"]);
    values.extend(step(line)?.terms.into_iter().map(|(name, value)| (format!("loss/{name}"), value)));
    Some(values)
}

fn settings(config: &TrainConfig) -> Vec<(String, String)> {
    let (schedule, augment) = (&config.schedule, &config.augment);
    let [height, width] = augment.crop;
    let rows = [
        ("model", config.model.config.clone()),
        (
            "begins with",
            config.model.weights.clone().unwrap_or_else(|| {
                let encoder = config.model.backbone_weights.as_ref().map(|path| path.display().to_string());
                encoder.unwrap_or_else(|| "nothing".into())
            }),
        ),
        ("recipe", config.recipe.name().into()),
        ("steps", schedule.steps.to_string()),
        ("batch", schedule.batch.to_string()),
        ("crop", format!("{height} x {width}")),
        ("learning rate", schedule.learning_rate.to_string()),
        ("seed", config.seed.to_string()),
    ];
    rows.map(|(name, value)| (name.to_owned(), value)).to_vec()
}

//! The course of a run, one JSON object a line: losses, and measurements where they were made.

use crate::error::{Error, Result};
use crate::observer::{Evaluation, StepReport};
use kmax_base::read::{MAX_LIST, open_to_append, read_text};
use serde_json::{Map, Value, json};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Its name in the output folder.
pub(crate) const LOG: &str = "log.jsonl";
/// Steps whose losses one line averages.
const WINDOW: usize = 20;

/// The file `log.jsonl` in the output folder.
pub(super) struct Log {
    file: PathBuf,
    handle: File,
    recent: Vec<StepReport>,
}

impl Log {
    /// Opens the log of a run that goes on after `step` steps: later lines, from before it was stopped, are dropped, and with
    /// `remeasured` a measurement at that step, which is about to be made again.
    pub(super) fn open(folder: &Path, step: usize, remeasured: bool) -> Result<Self> {
        let file = folder.join(LOG);
        let fail = |e: std::io::Error| Error::Output { file: file.clone(), reason: e.to_string() };
        std::fs::create_dir_all(folder).map_err(fail)?;
        let old = match read_text(&file, MAX_LIST) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(e) => return Err(fail(e)),
        };
        let holds = |line: &&str| {
            let Some((at, measurement)) = logged(line) else { return false };
            at < step || at == step && !(measurement && remeasured)
        };
        let kept: String = old.lines().filter(holds).flat_map(|line| [line, "\n"]).collect();
        if kept != old {
            kmax_base::write_atomically(&file, kept.as_bytes()).map_err(fail)?;
        }
        let handle = open_to_append(&file).map_err(fail)?;
        Ok(Self { file, handle, recent: Vec::new() })
    }

    /// Remembers a step; writes a line for every few.
    pub(super) fn step(&mut self, report: &StepReport) -> Result<()> {
        self.recent.push(report.clone());
        if !report.step.is_multiple_of(WINDOW) {
            return Ok(());
        }
        let recent = std::mem::take(&mut self.recent);
        let mean = |of: &dyn Fn(&StepReport) -> Option<f64>| {
            recent.iter().filter_map(of).sum::<f64>() / recent.len() as f64
        };
        let terms: Map<_, _> = report
            .terms
            .iter()
            .map(|(name, _)| {
                let term = |r: &StepReport| r.terms.iter().find(|(n, _)| n == name).map(|(_, value)| *value);
                (name.clone(), json!(mean(&term)))
            })
            .collect();
        self.write(&json!({
            "step": report.step,
            "time": now(),
            "loss": mean(&|r| Some(r.loss)),
            "terms": terms,
            "learning_rate": report.learning_rate,
            "gradient_norm": mean(&|r| r.gradient_norm),
        }))
    }

    /// Writes a measurement.
    pub(super) fn evaluation(&mut self, evaluation: &Evaluation) -> Result<()> {
        let all = &evaluation.panoptic.all;
        let class = |(id, class): &(u32, kmax_metrics::panoptic::ClassQuality)| {
            // A class that occurs nowhere has no quality.
            let some = |value: f64| Some(value).filter(|_| class.tp + class.fp + class.fn_ > 0);
            let iou = evaluation.ious.iter().find(|(of, _)| of == id).and_then(|(_, iou)| *iou);
            json!({
                "name": class.name, "isthing": class.isthing, "pq": some(class.pq), "sq": some(class.sq),
                "rq": some(class.rq), "iou": iou,
            })
        };
        let classes: Vec<_> = evaluation.panoptic.per_class.iter().map(class).collect();
        self.write(&json!({
            "step": evaluation.step, "time": now(), "pq": all.pq, "sq": all.sq, "rq": all.rq, "miou": evaluation.miou,
            "classes": classes,
        }))
    }

    fn write(&mut self, value: &Value) -> Result<()> {
        let fail = |e: std::io::Error| Error::Output { file: self.file.clone(), reason: e.to_string() };
        // One call a line, so that a stop leaves whole lines.
        self.handle.write_all(format!("{value}\n").as_bytes()).map_err(fail)
    }
}

/// Seconds since 1970.
fn now() -> f64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0.0, |since| (since.as_secs_f64() * 10.0).round() / 10.0)
}

/// The step of a line, and whether it is a measurement.
fn logged(line: &str) -> Option<(usize, bool)> {
    let value: Value = serde_json::from_str(line).ok()?;
    Some((value.get("step")?.as_u64()?.try_into().ok()?, value.get("pq").is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(step: usize) -> StepReport {
        let terms = vec![("dice".to_string(), step as f64)];
        StepReport { step, loss: 1.0, terms, learning_rate: 0.1, gradient_norm: Some(2.0), images: 1 }
    }

    #[test]
    fn lines_after_the_checkpoint_are_written_anew() -> Result<()> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut log = Log::open(folder.path(), 0, false)?;
        (1..=45).try_for_each(|step| log.step(&report(step)))?;
        drop(log);
        let file = folder.path().join("log.jsonl");
        let torn = std::fs::read_to_string(&file).expect("a log") + "{\"step\": 4";
        std::fs::write(&file, torn).expect("written");
        let mut log = Log::open(folder.path(), 25, false)?;
        (26..=60).try_for_each(|step| log.step(&report(step)))?;
        let text = std::fs::read_to_string(&file).expect("a log");
        let steps: Vec<_> = text.lines().map(logged).collect();
        assert_eq!(steps, [20, 40, 60].map(|step| Some((step, false))));
        let first: Value = serde_json::from_str(text.lines().next().unwrap_or_default()).expect("JSON");
        assert_eq!(first["terms"]["dice"], 10.5);
        Ok(())
    }
}

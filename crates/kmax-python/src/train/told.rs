//! What a run tells, handed on as events.

use crate::work::Watch;
use kmax::Progress;
use kmax::train::{Evaluation, Observer, StepReport};
use serde_json::{Map, Value, json};
use std::path::Path;

pub struct Told<'a> {
    pub watch: &'a Watch,
    /// Of the whole run.
    pub steps: usize,
}

impl Observer for Told<'_> {
    fn step(&mut self, report: &StepReport) {
        let terms: Map<String, Value> =
            report.terms.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        self.watch.event(&json!({
            "event": "step",
            "step": report.step,
            "steps": self.steps,
            "loss": report.loss,
            "terms": terms,
            "learning_rate": report.learning_rate,
            "images": report.images,
        }));
    }

    fn evaluated(&mut self, evaluation: &Evaluation) {
        let all = &evaluation.panoptic.all;
        self.watch.event(&json!({
            "event": "evaluated",
            "step": evaluation.step,
            "steps": self.steps,
            "pq": all.pq,
            "sq": all.sq,
            "rq": all.rq,
            "miou": evaluation.miou,
        }));
    }

    fn warned(&mut self, warning: &str) {
        self.watch.log("warning", warning);
    }

    fn saved(&mut self, file: &Path) {
        self.watch.event(&json!({"event": "saved", "file": file}));
    }

    fn progress(&self) -> &dyn Progress {
        self
    }
}

/// Of a measurement. What counts as progress of the run are its steps.
impl Progress for Told<'_> {
    fn advance(&self, done: usize, total: usize) {
        self.watch.event(&json!({"event": "evaluating", "done": done, "total": total}));
    }

    fn cancelled(&self) -> bool {
        self.watch.cancelled()
    }
}

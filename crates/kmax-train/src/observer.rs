//! What a run tells while it goes; the library itself never prints.

use kmax_base::Progress;
use kmax_metrics::panoptic::PanopticReport;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// One optimizer step.
#[derive(Debug, Clone)]
pub struct StepReport {
    /// Steps done, this one included.
    pub step: usize,
    /// Weighted sum of all loss terms.
    pub loss: f64,
    /// The terms, weighted and summed over the decoder's layers, by name.
    pub terms: Vec<(String, f64)>,
    /// Learning rate of the step.
    pub learning_rate: f64,
    /// Euclidean norm of the whole gradient before clipping, where it was computed.
    pub gradient_norm: Option<f64>,
    /// Images in the step.
    pub images: usize,
}

/// A measurement on the validation split.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// Steps done.
    pub step: usize,
    /// Panoptic quality.
    pub panoptic: PanopticReport,
    /// Mean intersection over union of the panoptic maps read as semantic ones, 0 to 1; none
    /// where no class was seen.
    pub miou: Option<f64>,
    /// Intersection over union of each class by id, 0 to 1; none for a class that the split lacks.
    pub ious: Vec<(u32, Option<f64>)>,
}

/// Listens to a run.
pub trait Observer {
    /// A step is done.
    fn step(&mut self, _report: &StepReport) {}
    /// A measurement is done.
    fn evaluated(&mut self, _evaluation: &Evaluation) {}
    /// Something of the run looks wrong.
    fn warned(&mut self, _warning: &str) {}
    /// A checkpoint was written.
    fn saved(&mut self, _file: &Path) {}
    /// Told how many images of a measurement are done, and asked after each step and each of those images whether the run
    /// should stop. It then writes a checkpoint, unless it is measuring: that is done anew when the run goes on.
    fn progress(&self) -> &dyn Progress {
        &()
    }
    /// A flag that stops a run within a step: the unfinished step is thrown away. Asked for once, when the run begins. Without one
    /// a step is always made to its end.
    fn stop(&self) -> Option<Arc<AtomicBool>> {
        None
    }
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {}

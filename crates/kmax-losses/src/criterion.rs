//! The criterion: predictions and targets in, one number to differentiate out.

use crate::batch::Batch;
use crate::config::LossConfig;
use crate::error::{Error, Result};
use crate::outputs::{Losses, Outputs};
use crate::sampling::Uniforms;
use crate::targets::Targets;
use candle_core::DType;

/// The training criterion (the PyTorch implementation's `SetCriterion`, deeplab2's `MaXDeepLabLoss`).
#[derive(Debug, Clone)]
pub struct Criterion {
    config: LossConfig,
}

impl Criterion {
    /// With checked settings.
    ///
    /// # Errors
    /// [`Error::Config`] naming a field out of its range.
    pub fn new(config: LossConfig) -> Result<Self> {
        config.check()?;
        Ok(Self { config })
    }

    /// Its settings.
    pub fn config(&self) -> &LossConfig {
        &self.config
    }

    /// The loss of a batch, computed in float32 (float64 for float64 predictions) on the CPU. Noise is asked for in
    /// the order last pixels, semantic, pixels of the first auxiliary prediction, and so on.
    ///
    /// # Errors
    /// [`Error::Shape`] and [`Error::Label`] if predictions and targets do not fit, [`Error::NotFinite`] if the
    /// predictions are not numbers.
    pub fn forward(&self, outputs: &Outputs, targets: &[Targets], noise: &dyn Uniforms) -> Result<Losses> {
        self.run(outputs, targets, noise, None)
    }

    /// As [`Self::forward`], with the matching of the last prediction given: pairs of query and target for each image, as
    /// many as the matching would find. This replays a step of an implementation that rounds otherwise.
    ///
    /// # Errors
    /// As [`Self::forward`], and [`Error::Targets`] if a pair is out of range or there is not one list for each image.
    pub fn forward_matched(
        &self,
        outputs: &Outputs,
        targets: &[Targets],
        noise: &dyn Uniforms,
        matching: &[Vec<(usize, usize)>],
    ) -> Result<Losses> {
        if matching.len() != targets.len() {
            let reason = format!("matchings of {} images for {}", matching.len(), targets.len());
            return Err(Error::Targets(reason));
        }
        self.run(outputs, targets, noise, Some(matching))
    }

    fn run(
        &self,
        outputs: &Outputs,
        targets: &[Targets],
        noise: &dyn Uniforms,
        matching: Option<&[Vec<(usize, usize)>]>,
    ) -> Result<Losses> {
        match outputs.last.class_logits.dtype() {
            DType::F64 => Batch::<f64>::new(&self.config, targets, noise, matching).run(outputs),
            _ => Batch::<f32>::new(&self.config, targets, noise, matching).run(outputs),
        }
    }
}

//! The criterion: predictions and targets in, one number to differentiate out.

use crate::batch::Batch;
use crate::config::LossConfig;
use crate::error::{Error, Result};
use crate::sampling::Uniforms;
use crate::similarity::Match;
use crate::targets::Targets;
use candle_core::{DType, Tensor};
use std::collections::BTreeMap;

/// What one decoder layer, or the last predictor, says about a batch.
#[derive(Debug, Clone)]
pub struct SupervisedPrediction {
    /// `[batch, queries, classes + 1]`, void last.
    pub class_logits: Tensor,
    /// `[batch, queries, height, width]`.
    pub mask_logits: Tensor,
    /// Normalised pixel features `[batch, channels, height, width]`; only instance discrimination needs them.
    pub pixel_features: Option<Tensor>,
}

/// Everything that the criterion teaches.
#[derive(Debug, Clone)]
pub struct Outputs {
    /// The last prediction.
    pub last: SupervisedPrediction,
    /// Those of the decoder's layers, first layer first.
    pub auxiliary: Vec<SupervisedPrediction>,
    /// Auxiliary semantic logits `[batch, channels, h, w]`, at the masks' resolution or a whole stride below it.
    pub semantic_logits: Option<Tensor>,
}

/// One term of the loss.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// `class`, `dice`, `mask`, `pixels` or `semantic`; `_0`, `_1`, ... is appended for the auxiliary predictions.
    pub name: String,
    /// Its value for each image, without its weight.
    pub values: Vec<f64>,
    /// Its weight in the total.
    pub weight: f64,
}

impl Term {
    /// Mean over the batch, without the weight.
    pub fn mean(&self) -> f64 {
        self.values.iter().sum::<f64>() / self.values.len().max(1) as f64
    }
}

/// The loss of a batch.
#[derive(Debug, Clone)]
pub struct Losses {
    /// Weighted sum of the terms, mean over the batch: the scalar to differentiate, of the predictions' type.
    pub total: Tensor,
    /// Its value.
    pub value: f64,
    /// The terms.
    pub terms: Vec<Term>,
    /// Per prediction that was matched by itself (the last one first) and image, the matches sorted by query.
    pub matches: Vec<Vec<Vec<Match>>>,
    /// Pixels sampled for each term that samples, by the term's name, for each image.
    pub sampled: BTreeMap<String, Vec<Vec<u32>>>,
}

impl Losses {
    /// The batch mean of a term by name, without its weight.
    pub fn term(&self, name: &str) -> Option<f64> {
        self.terms.iter().find(|term| term.name == name).map(Term::mean)
    }
}

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

//! What goes into the criterion and what comes out of it.

use crate::similarity::Match;
use candle_core::Tensor;
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

//! What the network said about one image.

use crate::error::{Error, Result};
use crate::network::Logits;
use candle_core::{DType, Device};
use kmax_kernels::Alignment;
use kmax_pixel_decoder::ResizeRule;
use rayon::prelude::*;

/// Logits that one thread looks at in a row.
const BLOCK: usize = 1 << 16;

/// Logits of one image, on the CPU.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryLogits {
    /// Number of queries.
    pub queries: usize,
    /// Number of classes, void not counted.
    pub classes: usize,
    /// `[queries, classes + 1]`, void last.
    pub class_logits: Vec<f32>,
    /// `[queries, height, width]`.
    pub mask_logits: Vec<f32>,
    /// Height and width of the mask logits.
    pub mask_size: [usize; 2],
    /// Sample positions of the masks' resizes.
    pub alignment: Alignment,
}

impl QueryLogits {
    /// The `index`th image of a batch, given the network's rule of resizing and the width of its input.
    ///
    /// # Errors
    /// If there is no such image or the shapes contradict each other; [`Error::NotFinite`] if a logit is no number.
    pub fn of(logits: &Logits, index: usize, rule: ResizeRule, input_width: usize) -> Result<Self> {
        let take = |tensor: &candle_core::Tensor| -> Result<Vec<f32>> {
            let tensor = tensor.get(index)?.to_dtype(DType::F32)?.to_device(&Device::Cpu)?;
            Ok(tensor.flatten_all()?.to_vec1()?)
        };
        let (_, queries, classes) = logits.classes.dims3()?;
        let (_, _, height, width) = logits.masks.dims4()?;
        let predictions = Self {
            queries,
            classes: classes.saturating_sub(1),
            class_logits: take(&logits.classes)?,
            mask_logits: take(&logits.masks)?,
            mask_size: [height, width],
            alignment: rule.alignment(input_width),
        };
        predictions.validate()?;
        let numbers = |values: &[f32]| values.par_chunks(BLOCK).all(|v| v.iter().all(|v| v.is_finite()));
        if !numbers(&predictions.class_logits) || !numbers(&predictions.mask_logits) {
            return Err(Error::NotFinite { what: "the network's output".into() });
        }
        Ok(predictions)
    }

    /// Probability of each class for a query, void last. Empty if there is no such query.
    pub fn class_probabilities(&self, query: usize) -> Vec<f32> {
        let row = self.class_logits.chunks_exact(self.classes + 1).nth(query).unwrap_or_default();
        super::classes::softmax(row).collect()
    }

    /// Checks the sizes.
    ///
    /// # Errors
    /// [`Error::Network`] if they contradict each other, or there is no query, no class or no pixel.
    pub fn validate(&self) -> Result<()> {
        let [height, width] = self.mask_size;
        let fits = self.queries.checked_mul(self.classes + 1) == Some(self.class_logits.len())
            && self.queries.checked_mul(height * width) == Some(self.mask_logits.len());
        // Queries are kept in 16 bits.
        if !fits || self.mask_logits.is_empty() || self.classes == 0 || self.queries > 65_000 {
            return Err(Error::Network(format!(
                "{} class and {} mask logits for {} queries, {} classes and masks of {height} x {width}",
                self.class_logits.len(),
                self.mask_logits.len(),
                self.queries,
                self.classes
            )));
        }
        Ok(())
    }
}

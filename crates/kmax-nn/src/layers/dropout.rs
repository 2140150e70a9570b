//! Dropout.

use crate::error::Result;
use crate::mode::Mode;
use candle_core::{Device, Tensor};

/// In training, zeroes each element with probability `rate` and scales the others by `1 / (1 - rate)`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Dropout {
    /// Probability of dropping, in `[0, 1)`.
    pub rate: f64,
}

impl Dropout {
    /// Applies it to `x` of any shape.
    ///
    /// # Errors
    /// If Candle fails.
    pub fn forward(self, x: &Tensor, mode: &Mode) -> Result<Tensor> {
        if !mode.is_train() || self.rate <= 0.0 {
            return Ok(x.clone());
        }
        let scale = |u: f64| if u < self.rate { 0.0 } else { 1.0 / (1.0 - self.rate) };
        let kept: Vec<f64> = mode.uniform(x.elem_count()).into_iter().map(scale).collect();
        let mask = Tensor::from_vec(kept, x.shape(), &Device::Cpu)?;
        Ok((x * mask.to_dtype(x.dtype())?.to_device(x.device())?)?)
    }
}

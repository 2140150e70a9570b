//! Stochastic depth.

use crate::error::Result;
use crate::mode::Mode;
use candle_core::Tensor;

/// In training, zeroes a residual branch per sample with probability `rate` and scales the survivors by
/// `1 / (1 - rate)` (stochastic depth, arXiv 1603.09382).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct DropPath {
    /// Probability of dropping, in `[0, 1)`.
    pub rate: f64,
}

impl DropPath {
    /// Applies it to the branch `x` `[b, ...]`.
    ///
    /// # Errors
    /// If Candle fails.
    pub fn forward(self, x: &Tensor, mode: &Mode) -> Result<Tensor> {
        if !mode.is_train() || self.rate <= 0.0 {
            return Ok(x.clone());
        }
        let mut shape = vec![1; x.rank()];
        shape[0] = x.dim(0)?;
        let mask = Tensor::from_vec(self.scales(shape[0], mode), shape, &candle_core::Device::Cpu)?;
        Ok(x.broadcast_mul(&mask.to_dtype(x.dtype())?.to_device(x.device())?)?)
    }

    /// The factor of the branch for each sample of a training step.
    pub(super) fn scales(self, batch: usize, mode: &Mode) -> Vec<f64> {
        if self.rate <= 0.0 {
            return vec![1.0; batch];
        }
        let keep = 1.0 - self.rate;
        mode.uniform(batch).into_iter().map(|u| if u < keep { 1.0 / keep } else { 0.0 }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};

    #[test]
    fn survivors_keep_the_expectation() -> Result<()> {
        let x = Tensor::ones((4000, 1), DType::F64, &Device::Cpu)?;
        let y = DropPath { rate: 0.2 }.forward(&x, &Mode::train(5))?.flatten_all()?.to_vec1::<f64>()?;
        assert!(y.iter().all(|v| *v == 0.0 || *v == 1.25));
        assert!((y.iter().sum::<f64>() / 4000.0 - 1.0).abs() < 0.05);
        let same = DropPath { rate: 0.2 }.forward(&x, &Mode::eval())?.flatten_all()?.to_vec1::<f64>()?;
        assert!(same.iter().all(|v| *v == 1.0));
        Ok(())
    }
}

//! Batch normalisation over axis 1 of a tensor of any rank.

use crate::error::{Error, Result};
use crate::init::Init;
use crate::mode::Mode;
use crate::params::{Params, Role};
use candle_core::{Tensor, Var};
use kmax_kernels as kernels;
use kmax_kernels::Activation;
use serde::{Deserialize, Serialize};

/// Which variance the running statistics keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunningVariance {
    /// Divided by `n - 1` (PyTorch).
    #[default]
    Unbiased,
    /// Divided by `n` (TensorFlow's synchronised batch norm).
    Biased,
}

/// Settings of a [`BatchNorm`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchNormConfig {
    /// Added to the variance. Both reference implementations: 1e-3.
    pub eps: f64,
    /// Share of the new value in the running statistics (PyTorch's sense). Both reference implementations: 0.01.
    pub momentum: f64,
    /// Which variance the running statistics keep.
    pub running_variance: RunningVariance,
    /// Initial gain: 1, or 0 for a norm that closes a residual branch.
    pub initial_gain: f64,
}

impl Default for BatchNormConfig {
    fn default() -> Self {
        let running_variance = RunningVariance::default();
        Self { eps: 1e-3, momentum: 0.01, running_variance, initial_gain: 1.0 }
    }
}

impl BatchNormConfig {
    /// The same with another initial gain.
    pub fn with_gain(self, initial_gain: f64) -> Self {
        Self { initial_gain, ..self }
    }
}

/// `y = (x - mean) / sqrt(variance + eps) * weight + bias`, per channel (axis 1), parameters `weight`, `bias`,
/// `running_mean`, `running_var`, each `[channels]`.
///
/// In training the batch's biased variance normalises and the running statistics move.
#[derive(Debug, Clone)]
pub struct BatchNorm {
    weight: Tensor,
    bias: Tensor,
    running_mean: Var,
    running_var: Var,
    config: BatchNormConfig,
    /// Factor and offset, where nothing will change them.
    fixed: Option<(Tensor, Tensor)>,
}

impl BatchNorm {
    /// Reads the four parameters.
    ///
    /// # Errors
    /// If one is missing or misshapen.
    pub fn new(channels: usize, config: BatchNormConfig, params: &Params) -> Result<Self> {
        let get = |name, init, role| params.get(name, &[channels], init, role);
        let mut norm = Self {
            weight: get("weight", Init::Const(config.initial_gain), Role::Norm)?,
            bias: get("bias", Init::ZEROS, Role::Norm)?,
            // A variable stays shared with the store; a constant becomes one of its own.
            running_mean: Var::from_tensor(&get("running_mean", Init::ZEROS, Role::Statistic)?)?,
            running_var: Var::from_tensor(&get("running_var", Init::ONES, Role::Statistic)?)?,
            config,
            fixed: None,
        };
        if !params.is_trainable() {
            norm.fixed = Some(norm.affine()?);
        }
        Ok(norm)
    }

    /// Normalises `x` `[b, channels, ...]`.
    ///
    /// # Errors
    /// If the channels differ, or in training if a channel has a single value.
    pub fn forward(&self, x: &Tensor, mode: &Mode) -> Result<Tensor> {
        self.forward_activated(x, Activation::Identity, mode)
    }

    /// Normalises `x` `[b, channels, ...]` and applies `activation`: one pass in training, forward and backward.
    ///
    /// # Errors
    /// As [`BatchNorm::forward`].
    pub fn forward_activated(&self, x: &Tensor, activation: Activation, mode: &Mode) -> Result<Tensor> {
        if !mode.is_train() {
            let (scale, offset) = self.affine()?;
            return Ok(kernels::channel_affine_activated(x, &scale, &offset, activation)?);
        }
        self.train_with(&self.step(activation, mode), |(gain, shift), step| {
            Ok(kernels::batch_norm_train(x, gain, shift, step)?)
        })
    }

    /// A training step by `norm`, of the gain and the shift; moves the running statistics.
    pub(crate) fn train_with(
        &self,
        step: &kernels::NormStep,
        norm: impl FnOnce((&Tensor, &Tensor), &kernels::NormStep) -> Result<kernels::TrainedNorm>,
    ) -> Result<Tensor> {
        let trained = norm(self.parts(), step)?;
        let channels = trained.output.dim(1)?.max(1);
        let count = trained.output.elem_count() / channels * step.ranks.size();
        self.update(&trained.mean, &trained.variance, count)?;
        Ok(trained.output)
    }

    /// How it takes the training step `mode`, with that activation behind it.
    pub(super) fn step(&self, activation: Activation, mode: &Mode) -> kernels::NormStep {
        kernels::NormStep { eps: self.config.eps, activation, ranks: mode.ranks().clone() }
    }

    /// Gain and shift.
    pub(super) fn parts(&self) -> (&Tensor, &Tensor) {
        (&self.weight, &self.bias)
    }

    /// Moves the running statistics towards those of a batch, taken of `count` values a channel.
    pub(super) fn update(&self, mean: &Tensor, variance: &Tensor, count: usize) -> Result<()> {
        if count < 2 {
            let reason = "batch norm: training needs more than one value per channel";
            return Err(Error::Argument(reason.into()));
        }
        let unbiased = match self.config.running_variance {
            RunningVariance::Unbiased => count as f64 / (count - 1) as f64,
            RunningVariance::Biased => 1.0,
        };
        let momentum = self.config.momentum;
        let moved = |old: &Var, new: &Tensor, factor: f64| -> Result<()> {
            let value = ((old.as_tensor() * (1.0 - momentum))? + (new * (momentum * factor))?)?;
            Ok(old.set(&value)?)
        };
        moved(&self.running_mean, mean, 1.0)?;
        moved(&self.running_var, variance, unbiased)
    }

    /// The evaluation norm as `x * scale + offset`, each `[channels]`: what folds into a convolution.
    ///
    /// # Errors
    /// If Candle fails.
    pub fn affine(&self) -> Result<(Tensor, Tensor)> {
        if let Some(fixed) = &self.fixed {
            return Ok(fixed.clone());
        }
        let (mean, variance) = self.running();
        let scale = (&self.weight / (variance + self.config.eps)?.sqrt()?)?;
        let offset = (&self.bias - (mean * &scale)?)?;
        Ok((scale, offset))
    }

    /// Running mean and variance without their history: no gradient goes to them, and a frozen network that read the
    /// variables themselves would record a graph and keep every activation.
    fn running(&self) -> (Tensor, Tensor) {
        (self.running_mean.as_detached_tensor(), self.running_var.as_detached_tensor())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};

    #[test]
    fn training_normalises_the_batch_and_moves_the_statistics() -> Result<()> {
        let params = Params::trainable(None, 0, DType::F64, &Device::Cpu);
        let norm = BatchNorm::new(2, BatchNormConfig { eps: 0.0, ..Default::default() }, &params)?;
        let x = Tensor::new(&[[[1f64, 3.0], [10.0, 30.0]]], &Device::Cpu)?;
        let y = norm.forward(&x, &Mode::train(0))?;
        assert_eq!(y.to_vec3::<f64>()?, [[[-1.0, 1.0], [-1.0, 1.0]]]);
        assert_eq!(norm.running_mean.to_vec1::<f64>()?, [0.02, 0.2]);
        // Unbiased: 2 and 200, of which a hundredth joins 0.99.
        let variance = norm.running_var.to_vec1::<f64>()?;
        assert!((variance[0] - 1.01).abs() < 1e-12 && (variance[1] - 2.99).abs() < 1e-12);
        let stored = params.parameters().into_iter().find(|p| p.name == "running_mean");
        assert_eq!(stored.map(|p| p.role), Some(Role::Statistic));
        Ok(())
    }

    #[test]
    fn the_affine_form_equals_evaluation() -> Result<()> {
        let params = Params::trainable(None, 0, DType::F64, &Device::Cpu);
        let norm = BatchNorm::new(1, BatchNormConfig::default(), &params)?;
        let x = Tensor::new(&[[[1f64, -3.0]]], &Device::Cpu)?;
        norm.forward(&x, &Mode::train(0))?;
        let (scale, offset) = norm.affine()?;
        let folded = x.broadcast_mul(&scale)?.broadcast_add(&offset)?.to_vec3::<f64>()?;
        let plain = norm.forward(&x, &Mode::eval())?.to_vec3::<f64>()?;
        assert!((folded[0][0][0] - plain[0][0][0]).abs() < 1e-12);
        Ok(())
    }
}

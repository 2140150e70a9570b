//! The update of one parameter, in one pass over its values.

use super::{AdamWConfig, Group};
use candle_core::{CpuStorage, Device, InplaceOp2, Layout, Tensor, bail};
use kmax_nn::Parameter;
use kmax_nn::{Error, Result};
use rayon::prelude::*;
use std::sync::Mutex;

/// Values that one task works on.
const CHUNK: usize = 1 << 15;

/// The numbers of one update.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    /// Factor on the gradient.
    clip: f32,
    /// Factor of the weight decay.
    keep: f32,
    /// One minus the moments' decays, and the second decay.
    first: f32,
    second: f32,
    second_keep: f32,
    /// `weight -= pace * m / (sqrt(v) / root + eps)`.
    pace: f32,
    root: f32,
    eps: f32,
}

impl Step {
    pub(super) fn new(
        config: &AdamWConfig,
        group: Group,
        learning_rate: f64,
        step: usize,
        clip: f64,
    ) -> Self {
        let rate = learning_rate * group.multiplier;
        let correction = |beta: f64| 1.0 - beta.powf(step as f64);
        let root = correction(config.beta2).sqrt();
        // Keras: lr sqrt(1 - b2^t) / (1 - b1^t) * m / (sqrt(v) + eps), so eps is divided by the root here.
        let eps = if config.eps_before_correction { config.eps / root } else { config.eps };
        Self {
            clip: clip as f32,
            keep: (1.0 - rate * group.weight_decay) as f32,
            first: (1.0 - config.beta1) as f32,
            second: (1.0 - config.beta2) as f32,
            second_keep: config.beta2 as f32,
            pace: (rate / correction(config.beta1)) as f32,
            root: root as f32,
            eps: eps as f32,
        }
    }

    fn run(&self, weights: &mut [f32], gradient: &[f32], first: &mut [f32], second: &mut [f32]) {
        let moments = first.iter_mut().zip(second);
        for ((w, g), (m, v)) in weights.iter_mut().zip(gradient).zip(moments) {
            let g = g * self.clip;
            *m += (g - *m) * self.first;
            *v = *v * self.second_keep + g * g * self.second;
            *w = *w * self.keep - self.pace * *m / (v.sqrt() / self.root + self.eps);
        }
    }
}

/// Updates the parameter in place, and its moments.
pub(super) fn apply(
    parameter: &Parameter,
    gradient: &Tensor,
    first: &mut [f32],
    second: &mut [f32],
    step: &Step,
) -> Result<()> {
    let var = parameter.var.as_tensor();
    if gradient.dims() != var.dims() {
        let (name, expected, found) = (parameter.name.clone(), var.dims().to_vec(), gradient.dims().to_vec());
        return Err(Error::WrongShape { name, expected, found });
    }
    let update = Update { step, moments: Mutex::new((first, second)) };
    if var.device().is_cpu() {
        return Ok(var.inplace_op2(gradient, &update)?);
    }
    // The moments stay on the CPU; parameters are small beside activations.
    let weights = var.to_device(&Device::Cpu)?.contiguous()?;
    weights.inplace_op2(&gradient.to_device(&Device::Cpu)?, &update)?;
    Ok(parameter.var.set(&weights.to_device(var.device())?)?)
}

struct Update<'a> {
    step: &'a Step,
    moments: Mutex<(&'a mut [f32], &'a mut [f32])>,
}

impl InplaceOp2 for Update<'_> {
    fn name(&self) -> &'static str {
        "adamw"
    }

    fn cpu_fwd(
        &self,
        weights: &mut CpuStorage,
        weights_layout: &Layout,
        gradient: &CpuStorage,
        gradient_layout: &Layout,
    ) -> candle_core::Result<()> {
        let (CpuStorage::F32(weights), CpuStorage::F32(gradient)) = (weights, gradient) else {
            bail!("adamw: weights and gradients are float32")
        };
        let (Some(at), Some(from)) =
            (weights_layout.contiguous_offsets(), gradient_layout.contiguous_offsets())
        else {
            bail!("adamw: weights and gradients are contiguous")
        };
        let mut moments = self.moments.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let (first, second) = &mut *moments;
        let chunks =
            weights[at.0..at.1].par_chunks_mut(CHUNK).zip(gradient[from.0..from.1].par_chunks(CHUNK));
        let moments = first.par_chunks_mut(CHUNK).zip(second.par_chunks_mut(CHUNK));
        chunks.zip(moments).for_each(|((w, g), (m, v))| self.step.run(w, g, m, v));
        Ok(())
    }
}

/// Sum of the squares of a gradient, in float64.
pub(super) fn squares(gradient: &Tensor) -> Result<f64> {
    let values = gradient.flatten_all()?.to_vec1::<f32>()?;
    let parts: Vec<f64> = values
        .par_chunks(CHUNK)
        .map(|part| part.iter().map(|v| f64::from(*v) * f64::from(*v)).sum())
        .collect();
    Ok(parts.iter().sum())
}

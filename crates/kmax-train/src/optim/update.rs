//! The update of one parameter, in one pass over its values.

use super::kept::Kept;
use super::{AdamWConfig, Group};
use candle_core::{CpuStorage, DType, InplaceOp2, Layout, Tensor, bail};
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

    /// As [`Self::run`], in Candle's operations; gives the new weights.
    fn tensors(
        &self,
        weights: &Tensor,
        gradient: &Tensor,
        first: &mut Tensor,
        second: &mut Tensor,
    ) -> Result<Tensor> {
        let scaled = |x: &Tensor, by: f32| x.affine(f64::from(by), 0.0);
        let gradient = scaled(gradient, self.clip)?;
        *first = (&*first + scaled(&(&gradient - &*first)?, self.first)?)?;
        *second = (scaled(second, self.second_keep)? + scaled(&gradient.sqr()?, self.second)?)?;
        let length = second.sqrt()?.affine(f64::from(1.0 / self.root), f64::from(self.eps))?;
        Ok((scaled(weights, self.keep)? - scaled(&(&*first / length)?, self.pace)?)?)
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
    first: &mut Kept,
    second: &mut Kept,
    step: &Step,
) -> Result<()> {
    let var = parameter.var.as_tensor();
    if gradient.dims() != var.dims() {
        let (name, expected, found) = (parameter.name.clone(), var.dims().to_vec(), gradient.dims().to_vec());
        return Err(Error::WrongShape { name, expected, found });
    }
    match (first, second) {
        (Kept::Host(first), Kept::Host(second)) => {
            let update = Update { step, moments: Mutex::new((first, second)) };
            Ok(var.inplace_op2(gradient, &update)?)
        }
        (Kept::Device(first), Kept::Device(second)) => {
            let weights = step.tensors(&var.detach(), gradient, first, second)?;
            Ok(parameter.var.set(&weights)?)
        }
        _ => Err(Error::Argument(format!("AdamW: `{}` has a gradient and no moments", parameter.name))),
    }
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

/// Sum of the squares of all gradients, in float64. From a device comes one row of numbers.
pub(super) fn squares(gradients: &[Option<Tensor>]) -> Result<f64> {
    let gradients: Vec<&Tensor> = gradients.iter().flatten().collect();
    let sums: Vec<f64> = if gradients.iter().all(|gradient| kmax_kernels::runs_kernels(gradient.device())) {
        gradients.par_iter().map(|gradient| squares_here(gradient)).collect::<Result<_>>()?
    } else {
        let sum = |gradient: &&Tensor| gradient.to_dtype(DType::F64)?.sqr()?.sum_all();
        let sums = gradients.iter().map(sum).collect::<candle_core::Result<Vec<_>>>()?;
        Tensor::stack(&sums, 0)?.to_vec1()?
    };
    Ok(sums.iter().sum())
}

fn squares_here(gradient: &Tensor) -> Result<f64> {
    let values = gradient.flatten_all()?.to_vec1::<f32>()?;
    let parts: Vec<f64> = values
        .par_chunks(CHUNK)
        .map(|part| part.iter().map(|v| f64::from(*v) * f64::from(*v)).sum())
        .collect();
    Ok(parts.iter().sum())
}

//! Adam with decoupled weight decay (arXiv 1711.05101).

use super::Group;
use super::kept::Kept;
use super::update::{Step, apply, squares};
use candle_core::backprop::GradStore;
use candle_core::{DType, Tensor};
use kmax_nn::{Error, Parameter, Ranks, Result, Role};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Settings of [`AdamW`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdamWConfig {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Keeps the division by the root of the second moment finite.
    pub eps: f64,
    /// Whether `eps` is added before the second moment's bias is corrected, as Keras does ("epsilon hat" of the Adam
    /// paper), and not after, as PyTorch does.
    pub eps_before_correction: bool,
    /// Decoupled weight decay of kernels.
    pub weight_decay: f64,
    /// Learning rate of the backbone relative to the rest.
    pub backbone_multiplier: f64,
    /// Largest Euclidean norm of the whole gradient; longer ones are scaled down. 0 leaves it alone.
    pub clip_norm: f64,
    /// Decay of the exponential moving average of the weights; 0 keeps none.
    pub ema: f64,
}

impl AdamWConfig {
    /// `torch.optim.AdamW` with the settings of the PyTorch implementation.
    pub fn pytorch() -> Self {
        Self {
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            eps_before_correction: false,
            weight_decay: 0.05,
            backbone_multiplier: 0.1,
            clip_norm: 0.0,
            ema: 0.0,
        }
    }

    /// deeplab2's `AdamWeightDecay`, a subclass of Keras' Adam.
    pub fn deeplab2() -> Self {
        Self { eps: 1e-7, eps_before_correction: true, ..Self::pytorch() }
    }
}

impl Default for AdamWConfig {
    fn default() -> Self {
        Self::pytorch()
    }
}

/// The optimizer and its state. Updates are deterministic, whatever the number of threads.
#[derive(Debug)]
pub struct AdamW {
    pub(super) config: AdamWConfig,
    pub(super) slots: Vec<Slot>,
    pub(super) step: usize,
}

/// The gradient of each of an optimizer's parameters, for sums over parts of a batch.
#[derive(Debug)]
pub struct Gradients(Vec<Option<Tensor>>);

impl Gradients {
    /// The sum of both; a parameter that has none in one has that of the other.
    ///
    /// # Errors
    /// If they are of different parameters.
    pub fn plus(self, other: Self) -> Result<Self> {
        if self.0.len() != other.0.len() {
            let reason = format!("gradients of {} and of {} parameters", self.0.len(), other.0.len());
            return Err(Error::Argument(reason));
        }
        let sum = self.0.into_iter().zip(other.0).map(|pair| match pair {
            (Some(a), Some(b)) => Ok(Some((a + b)?)),
            (a, b) => Ok(a.or(b)),
        });
        Ok(Self(sum.collect::<Result<_>>()?))
    }

    /// The sum over all ranks, which have gradients of the same parameters.
    ///
    /// # Errors
    /// If they have not, or a rank is gone.
    pub fn across(self, ranks: &Ranks) -> Result<Self> {
        if ranks.size() == 1 {
            return Ok(self);
        }
        // One long row: an exchange for each parameter would be mostly waiting.
        let mut row = Vec::new();
        for gradient in self.0.iter().flatten() {
            row.extend(gradient.flatten_all()?.to_vec1::<f32>()?);
        }
        let lengths = ranks.gather(&[row.len() as f64])?;
        if lengths.iter().any(|length| *length != row.len() as f64) {
            return Err(Error::Argument(format!("ranks have gradients of {lengths:?} numbers")));
        }
        ranks.sum_singles(&mut row)?;
        let mut rest = row.as_slice();
        let sums = self.0.iter().map(|gradient| {
            let Some(gradient) = gradient else { return Ok(None) };
            let (own, later) = rest.split_at(gradient.elem_count());
            rest = later;
            Ok(Some(Tensor::from_slice(own, gradient.shape(), gradient.device())?))
        });
        Ok(Self(sums.collect::<Result<_>>()?))
    }
}

/// A parameter and its state.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) parameter: Parameter,
    pub(super) group: Group,
    /// First and second moment; empty for statistics.
    pub(super) first: Kept,
    pub(super) second: Kept,
    /// Average of the weights; empty without one.
    pub(super) average: Kept,
}

impl AdamW {
    /// For these float32 parameters. Statistics (running means) are not updated, but are averaged with the rest.
    ///
    /// # Errors
    /// If a parameter is not float32.
    pub fn new(parameters: Vec<Parameter>, config: AdamWConfig) -> Result<Self> {
        let slots = parameters.into_iter().map(|parameter| {
            let tensor = parameter.var.as_tensor();
            if tensor.dtype() != DType::F32 {
                let (name, dtype) = (&parameter.name, tensor.dtype());
                return Err(Error::Argument(format!("AdamW: `{name}` is {dtype:?}, expected F32")));
            }
            let moment = || match parameter.role {
                Role::Statistic => Ok(Kept::Nothing),
                _ => Kept::zeros(tensor),
            };
            let (first, second) = (moment()?, moment()?);
            let average = if config.ema > 0.0 { Kept::copy(tensor)? } else { Kept::Nothing };
            Ok(Slot { group: Group::of(&parameter, &config), first, second, average, parameter })
        });
        Ok(Self { config, slots: slots.collect::<Result<_>>()?, step: 0 })
    }

    /// Its settings.
    pub fn config(&self) -> &AdamWConfig {
        &self.config
    }

    /// Updates made so far.
    pub fn steps(&self) -> usize {
        self.step
    }

    /// Continues as after `steps` updates: the moments' bias is corrected for that many.
    pub fn set_steps(&mut self, steps: usize) {
        self.step = steps;
    }

    /// The parameters with the settings of each.
    pub fn groups(&self) -> impl Iterator<Item = (&Parameter, Group)> {
        self.slots.iter().map(|slot| (&slot.parameter, slot.group))
    }

    /// One update with the schedule's learning rate; gives the Euclidean norm of the whole gradient before clipping.
    /// Parameters without a gradient stay as they are.
    ///
    /// # Errors
    /// If a gradient does not fit its parameter.
    pub fn step(&mut self, gradients: &GradStore, learning_rate: f64) -> Result<f64> {
        let gradients = self.gradients(gradients)?;
        self.update(gradients, learning_rate)
    }

    /// The gradients of its parameters, apart from the graph that they came from.
    ///
    /// # Errors
    /// If a tensor operation fails.
    pub fn gradients(&self, gradients: &GradStore) -> Result<Gradients> {
        let trained = |slot: &Slot| slot.parameter.role != Role::Statistic;
        let found = self.slots.iter().map(|slot| {
            match gradients.get(slot.parameter.var.as_tensor()).filter(|_| trained(slot)) {
                Some(gradient) => Ok(Some(gradient.detach().contiguous()?)),
                None => Ok(None),
            }
        });
        Ok(Gradients(found.collect::<Result<_>>()?))
    }

    /// As [`Self::step`], with gradients that were summed up.
    ///
    /// # Errors
    /// As [`Self::step`].
    pub fn update(&mut self, gradients: Gradients, learning_rate: f64) -> Result<f64> {
        let found = gradients.0;
        let norm = squares(&found)?.sqrt();
        let clip_norm = self.config.clip_norm;
        let clip = if clip_norm > 0.0 && norm > clip_norm { clip_norm / norm } else { 1.0 };

        self.step += 1;
        let config = &self.config;
        // Early averages would remember the initial weights for long: the decay warms up.
        let ema = config.ema.min((1.0 + self.step as f64) / (10.0 + self.step as f64));
        let step = |group: Group| Step::new(config, group, learning_rate, self.step, clip);
        let update = |(slot, gradient): (&mut Slot, &Option<Tensor>)| {
            if let Some(gradient) = gradient {
                apply(&slot.parameter, gradient, &mut slot.first, &mut slot.second, &step(slot.group))?;
            }
            slot.average.follow(slot.parameter.var.as_tensor(), 1.0 - ema)
        };
        // A device is asked by one thread.
        if self.slots.iter().all(|slot| slot.parameter.var.device().is_cpu()) {
            self.slots.par_iter_mut().zip(&found).try_for_each(update)?;
        } else {
            self.slots.iter_mut().zip(&found).try_for_each(update)?;
        }
        Ok(norm)
    }

    /// The averaged weights by name, or the weights themselves without an average.
    ///
    /// # Errors
    /// If a tensor operation fails.
    pub fn averaged(&self) -> Result<HashMap<String, Tensor>> {
        let rows = self.slots.iter().map(|slot| {
            let var = slot.parameter.var.as_tensor();
            let tensor = match slot.average.on_cpu(var)? {
                Some(average) => average.to_device(var.device())?,
                None => var.detach().copy()?,
            };
            Ok((slot.parameter.name.clone(), tensor))
        });
        rows.collect()
    }
}

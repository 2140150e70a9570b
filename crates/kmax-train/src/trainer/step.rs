//! One step: the loss of the batch's parts, their gradients together, and the update.

use super::Trainer;
use crate::batch;
use crate::error::{Error, Result};
use crate::observer::StepReport;
use crate::optim::Gradients;
use candle_core::Var;
use kmax_losses::Losses;
use kmax_nn::{Mode, Role};
use kmax_transforms::train::TrainingExample;

impl Trainer {
    /// One optimizer step on `examples`, which are this rank's share of the batch.
    ///
    /// # Errors
    /// If the shapes do not fit or the loss is no longer a number.
    pub fn step(&mut self, examples: &[TrainingExample]) -> Result<StepReport> {
        // A device is asked by one thread.
        if !self.device.is_cpu() {
            return self.step_here(examples);
        }
        // On a thread of the pool: it takes part in the kernels, where one outside would fall asleep and be woken for each.
        rayon::scope(|_| self.step_here(examples))
    }

    /// As [`Self::step`]; `None`, and everything as before, if it was stopped on the way.
    pub(super) fn step_or_stop(&mut self, examples: &[TrainingExample]) -> Result<Option<StepReport>> {
        // The forward pass moves the running statistics; nothing else changes before the last meeting.
        let statistics = self.optimizer.groups().filter(|(parameter, _)| parameter.role == Role::Statistic);
        let copy = |var: &Var| Ok((var.clone(), var.as_tensor().copy()?));
        let before = statistics.map(|(parameter, _)| copy(&parameter.var)).collect::<Result<Vec<_>>>()?;
        match self.step(examples) {
            Err(error) => {
                before.iter().try_for_each(|(var, value)| var.set(value))?;
                if self.ranks.have_stopped() { Ok(None) } else { Err(error) }
            }
            Ok(report) => Ok(Some(report)),
        }
    }

    fn step_here(&mut self, examples: &[TrainingExample]) -> Result<StepReport> {
        let images = examples.len() * self.ranks.size();
        let parts = self.config.schedule.accumulate.min(examples.len()).max(1);
        let mut sum: Option<Gradients> = None;
        let (mut loss, mut terms) = (0.0, Vec::new());
        for (number, part) in examples.chunks(examples.len().div_ceil(parts)).enumerate() {
            // Each part of each step has a generator of its own, so that nothing but the step's number needs to be remembered.
            let seed =
                self.config.seed ^ ((self.step * parts + number) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mode = Mode::train(seed)
                .across(self.ranks.clone())
                .recomputing(self.config.recompute)
                .dropping_queries(self.config.model.drop_queries);
            let losses = self.losses(part, &mode)?;
            let (value, found) = self.means(&losses)?;
            if !value.is_finite() {
                return Err(Error::Diverged { step: self.step, loss: value });
            }
            // The loss is a mean over images: the whole batch's is that of its parts, by their share of the images.
            let share = part.len() as f64 / images as f64;
            let total = if share == 1.0 { losses.total.clone() } else { losses.total.affine(share, 0.0)? };
            let gradients = self.optimizer.gradients(&total.backward()?)?;
            sum = Some(match sum {
                None => gradients,
                Some(sum) => sum.plus(gradients)?,
            });
            let share = part.len() as f64 / examples.len() as f64;
            loss += share * value;
            add_terms(&mut terms, &losses, &found, share);
        }
        let learning_rate = self.schedule.rate(self.step);
        let Some(sum) = sum else { return Err(Error::Setting("a batch without images".into())) };
        let norm = self.optimizer.update(sum.across(&self.ranks)?, learning_rate)?;
        self.step += 1;
        Ok(StepReport { step: self.step, loss, terms, learning_rate, gradient_norm: Some(norm), images })
    }

    /// The loss and its weighted terms over the images of all ranks.
    fn means(&self, losses: &Losses) -> Result<(f64, Vec<f64>)> {
        let terms = losses.terms.iter().map(|term| term.mean() * term.weight);
        let mut own: Vec<f64> = terms.chain([losses.value]).collect();
        self.ranks.sum(&mut own).map_err(kmax_nn::Error::from)?;
        own.iter_mut().for_each(|sum| *sum /= self.ranks.size() as f64);
        Ok((own.pop().unwrap_or_default(), own))
    }

    fn losses(&self, examples: &[TrainingExample], mode: &Mode) -> Result<Losses> {
        let images = batch::images(examples, &self.model.preprocess, &self.device)?;
        let trace = self.network.trace(&images, mode)?;
        let outputs = crate::outputs::supervised(&trace, self.model.network.resize)?;
        let (_, _, height, width) = outputs.last.mask_logits.dims4()?;
        let targets = batch::targets(examples, &self.model.categories, [height, width])?;
        Ok(self.criterion.forward(&outputs, &targets, mode)?)
    }
}

/// Adds the terms' weighted `means`, summed over the decoder's layers, by `share`.
fn add_terms(sums: &mut Vec<(String, f64)>, losses: &Losses, means: &[f64], share: f64) {
    for (term, mean) in losses.terms.iter().zip(means) {
        let name = term.name.split('_').next().unwrap_or(&term.name);
        let value = share * mean;
        match sums.iter_mut().find(|(known, _)| known == name) {
            Some((_, sum)) => *sum += value,
            None => sums.push((name.to_string(), value)),
        }
    }
}

//! Checkpoints: what a run writes to go on from.

use super::Trainer;
use crate::checkpoint::Checkpoint;
use crate::config::ScheduleConfig;
use crate::error::{Error, Result};
use kmax_base::ErrorKind;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::PathBuf;

impl Trainer {
    /// Continues from the newest checkpoint in the output folder that can be read, if there is one. The run then goes on as if
    /// it had not stopped, bit for bit on the same machine.
    ///
    /// # Errors
    /// If all are damaged, or it was written under other settings.
    pub fn resume(&mut self) -> Result<Option<PathBuf>> {
        let mut damaged = None;
        for file in Checkpoint::list(&self.config.output).into_iter().rev() {
            let checkpoint = match Checkpoint::read(&file) {
                Ok(checkpoint) => checkpoint,
                // An older one is better than none; if there is none, this is what has to be said.
                Err(error) => {
                    self.notes.push(format!("warning: {error}; taking the one before"));
                    damaged.get_or_insert(error);
                    continue;
                }
            };
            if checkpoint.digest != self.digest() {
                let reason = "it was written under other settings: change them back, use another output folder, or start fresh";
                return Err(Error::checkpoint(&file, ErrorKind::Incompatible, reason));
            }
            let restored = self.restore(&checkpoint);
            restored.map_err(|error| Error::checkpoint(&file, ErrorKind::Incompatible, error))?;
            let (before, now) = (checkpoint.planned, self.config.schedule.steps);
            if before != 0 && before != now {
                self.notes.push(format!(
                    "the run was planned for {before} steps and goes on to {now}: the learning rate follows the new plan"
                ));
            }
            return Ok(Some(file));
        }
        damaged.map_or(Ok(None), Err)
    }

    pub(super) fn save(&self) -> Result<PathBuf> {
        let mut tensors: HashMap<_, _> = self.optimizer.state()?.into_iter().collect();
        for (parameter, _) in self.optimizer.groups() {
            tensors.insert(format!("model.{}", parameter.name), parameter.var.as_tensor().detach());
        }
        let classes = self.model.categories.iter().map(|category| category.name.clone()).collect();
        let (step, planned, digest) = (self.step, self.config.schedule.steps, self.digest());
        Checkpoint { step, planned, digest, classes, tensors }.write(&self.config.output)
    }

    /// Takes a checkpoint's weights and optimizer state; nothing is changed if one of them is missing or misshapen.
    fn restore(&mut self, checkpoint: &Checkpoint) -> kmax_nn::Result<()> {
        let weights = checkpoint.under("model");
        let found = self.optimizer.groups().map(|(parameter, _)| {
            let (name, expected) = (parameter.name.clone(), parameter.var.dims().to_vec());
            match weights.get(&name) {
                None => Err(kmax_nn::Error::MissingTensor { name, expected }),
                Some(tensor) if tensor.dims() != expected => {
                    Err(kmax_nn::Error::WrongShape { name, expected, found: tensor.dims().to_vec() })
                }
                Some(tensor) => Ok((parameter.var.clone(), tensor.to_device(parameter.var.device())?)),
            }
        });
        let found = found.collect::<kmax_nn::Result<Vec<_>>>()?;
        self.optimizer.restore(&checkpoint.tensors, checkpoint.step)?;
        for (var, tensor) in found {
            var.set(&tensor)?;
        }
        self.step = checkpoint.step;
        Ok(())
    }

    /// Settings that decide the course of a run; where it is written and how often it is looked at do not.
    pub(super) fn digest(&self) -> String {
        // What the labels say, and not where they lie. A resumed run has no use for what it began with.
        // More or fewer steps are another end of the same run.
        let schedule = ScheduleConfig { steps: 0, ..self.config.schedule.clone() };
        let decisive = (
            (self.config.seed, self.config.recipe, self.config.model.drop_queries),
            (&self.labels, self.config.data.repeat_threshold),
            &self.config.augment,
            &schedule,
            (&self.model.network, &self.model.losses, &self.model.categories, &self.model.preprocess),
        );
        let text = serde_json::to_string(&decisive).unwrap_or_default();
        hex(text.as_bytes())
    }
}

/// SHA-256 as text.
fn hex(data: &[u8]) -> String {
    Sha256::digest(data).iter().map(|byte| format!("{byte:02x}")).collect()
}

//! Measuring on the validation split, and the page of the run.

use super::Trainer;
use crate::error::Result;
use crate::log::Log;
use crate::observer::{Evaluation, Observer};

impl Trainer {
    /// Measures, logs and tells on the first rank; the others wait. Whether it was not stopped.
    pub(super) fn measure(&mut self, log: Option<&mut Log>, observer: &mut dyn Observer) -> Result<bool> {
        self.measured = None;
        if let Some(log) = log {
            self.measured = self.measure_here(log, observer)?;
        }
        Ok(!self.ranks.any(self.ranks.is_first() && self.measured.is_none())?)
    }

    fn measure_here(&mut self, log: &mut Log, observer: &mut dyn Observer) -> Result<Option<Evaluation>> {
        let (model, weights) = (&self.model, self.weights()?);
        let progress = observer.progress();
        let found = crate::evaluate::evaluate(model, weights, &*self.val, &self.device, self.step, progress)?;
        let Some(found) = found else { return Ok(None) };
        self.photos = found.photos;
        self.warnings.clear();
        if found.empty == found.images {
            let warning = format!(
                "after {} steps nothing at all is predicted in any of the {} validation images. In the beginning that is usual; \
                 later the learning rate may be too high or too low, the labels may be empty or of other photos \
                 (`kmax dataset show`), or the classes too rare for so few steps",
                self.step, found.images
            );
            observer.warned(&warning);
            self.warnings.push(warning);
        }
        log.evaluation(&found.evaluation)?;
        observer.evaluated(&found.evaluation);
        self.report()?;
        Ok(Some(found.evaluation))
    }

    pub(super) fn report(&self) -> Result<()> {
        crate::report::write(&self.config, &self.command, &self.warnings, &self.photos)
    }
}

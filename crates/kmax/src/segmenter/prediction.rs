//! What the network said about a photo.

use crate::postprocess::{self, Frame, Instance, Predictions, Scope};
use crate::{Config, Result};
use kmax_masks::{LabelMap, Panoptic};
use kmax_nn::profile;

/// Of a profile.
const STAGE: &str = "post-processing";

/// The network's answer for one photo, before it is turned into a result.
#[derive(Debug, Clone)]
pub struct Prediction<'a> {
    pub(super) config: &'a Config,
    /// The logits.
    pub predictions: Predictions,
    /// Where the photo lies in the network's input.
    pub frame: Frame,
}

impl Prediction<'_> {
    /// As [`postprocess::panoptic`], with the model's settings and categories.
    ///
    /// # Errors
    /// If the photo has more than [`kmax_masks::MAX_PIXELS`].
    pub fn panoptic(&self) -> Result<Panoptic> {
        let Config { postprocess: settings, categories, .. } = self.config;
        profile::stage(STAGE, || postprocess::panoptic(&self.predictions, &self.frame, settings, categories))
    }

    /// As [`postprocess::semantic`].
    ///
    /// # Errors
    /// As [`Self::panoptic`].
    pub fn semantic(&self) -> Result<LabelMap> {
        let Config { postprocess: settings, categories, .. } = self.config;
        profile::stage(STAGE, || postprocess::semantic(&self.predictions, &self.frame, settings, categories))
    }

    /// As [`postprocess::instances`].
    ///
    /// # Errors
    /// As [`Self::panoptic`].
    pub fn instances(&self, scope: Scope) -> Result<Vec<Instance>> {
        let Config { postprocess: settings, categories, .. } = self.config;
        profile::stage(STAGE, || {
            postprocess::instances(&self.predictions, &self.frame, settings, categories, scope)
        })
    }
}

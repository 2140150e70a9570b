//! What the network said about an image.

use crate::config::Config;
use crate::error::Result;
use crate::postprocess::{self, Frame, Instance, QueryLogits, Scope};
use kmax_masks::{LabelMap, Panoptic};
use kmax_nn::profile;
use std::sync::Arc;

/// Of a profile.
pub(super) const STAGE: &str = "post-processing";

/// The network's answer for one image, before it is turned into a result. It is owned: it outlives the segmenter.
#[derive(Debug, Clone)]
pub struct Prediction {
    pub(super) config: Arc<Config>,
    /// The logits.
    pub logits: QueryLogits,
    /// Where the image lies in the network's input.
    pub frame: Frame,
}

impl Prediction {
    /// The model's configuration, whose categories the results speak of.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// As [`postprocess::panoptic`], with the model's settings and categories.
    ///
    /// # Errors
    /// If the image has more than [`kmax_masks::MAX_PIXELS`].
    pub fn panoptic(&self) -> Result<Panoptic> {
        let Config { postprocess: settings, categories, .. } = &*self.config;
        profile::stage(STAGE, || postprocess::panoptic(&self.logits, &self.frame, settings, categories))
    }

    /// As [`postprocess::panoptic_of_queries`], with the model's settings and categories.
    ///
    /// # Errors
    /// As [`Self::panoptic`].
    pub fn segments(&self) -> Result<(Panoptic, Vec<Vec<usize>>)> {
        let Config { postprocess: settings, categories, .. } = &*self.config;
        profile::stage(STAGE, || {
            postprocess::panoptic_of_queries(&self.logits, &self.frame, settings, categories)
        })
    }

    /// As [`postprocess::semantic`].
    ///
    /// # Errors
    /// As [`Self::panoptic`].
    pub fn semantic(&self) -> Result<LabelMap> {
        let Config { postprocess: settings, categories, .. } = &*self.config;
        profile::stage(STAGE, || postprocess::semantic(&self.logits, &self.frame, settings, categories))
    }

    /// As [`postprocess::instances`].
    ///
    /// # Errors
    /// As [`Self::panoptic`].
    pub fn instances(&self, scope: Scope) -> Result<Vec<Instance>> {
        let Config { postprocess: settings, categories, .. } = &*self.config;
        profile::stage(STAGE, || {
            postprocess::instances(&self.logits, &self.frame, settings, categories, scope)
        })
    }
}

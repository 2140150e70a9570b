//! Segments without a prediction: where a device has kernels for post-processing, masks never leave it.

use super::{Prediction, Prepared, Segmenter, nothing};
use crate::error::Result;
use crate::postprocess::{self, OnDevice};
use image::RgbImage;
use kmax_masks::Panoptic;
use kmax_nn::profile;

impl Segmenter {
    /// Whether [`Self::segment_prepared`] gives pixels to queries on the device, so that no mask logits come to the host.
    pub fn assigns_on_device(&self) -> bool {
        kmax_kernels::has_gpu_kernels(&self.device)
    }

    /// As [`Self::segment_batch`], of images that this segmenter, or one of the same model, has prepared; none is cut into tiles. With each
    /// result the queries whose masks a segment is made of: one for a thing, one or more for stuff.
    ///
    /// # Errors
    /// As [`Self::predict_prepared`].
    pub fn segment_prepared(&self, inputs: &[Prepared]) -> Result<Vec<(Panoptic, Vec<Vec<usize>>)>> {
        self.together(inputs, |inputs| {
            if self.assigns_on_device() {
                return self.segment_on_device(inputs);
            }
            self.forward(inputs)?.iter().map(Prediction::segments).collect()
        })
    }

    /// An image as a whole.
    pub(super) fn segment_whole(&self, image: &RgbImage) -> Result<Panoptic> {
        let input = profile::stage("preprocessing", || self.prepare(image))?;
        let (panoptic, _) = self.segment_prepared(&[input])?.pop().ok_or_else(nothing)?;
        Ok(panoptic)
    }

    /// Of inputs of one size.
    fn segment_on_device(&self, inputs: &[&Prepared]) -> Result<Vec<(Panoptic, Vec<Vec<usize>>)>> {
        let logits = self.logits(inputs)?;
        let (settings, categories) = (&self.config.postprocess, &self.config.categories);
        let segments = |(index, input): (usize, &&Prepared)| {
            let frame = &input.frame;
            let said = OnDevice::of(&logits, index, self.config.network.resize, frame.input[1])?;
            match said.assign(frame, settings, categories)? {
                Some(assignment) => assignment.into_segments(frame, settings, categories),
                None => postprocess::panoptic_of_queries(&said.on_host()?, frame, settings, categories),
            }
        };
        let all = || inputs.iter().enumerate().map(segments).collect::<Result<Vec<_>>>();
        profile::stage(super::prediction::STAGE, all).map_err(|error| self.told(error, inputs))
    }
}

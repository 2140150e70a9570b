//! The stages of a photo, on a worker thread.

use crate::metrics::Stage;
use crate::models::Served;
use crate::photos::Photo;
use crate::problem::Problem;
use crate::queue::Cancel;
use crate::state::State;
use image::RgbImage;
use kmax_model::{Explanation, PostprocessConfig, Prediction, postprocess};
use kmax_results::{Found, Task};
use kmax_tiles::Tiling;
use kmax_transforms::{Bands, decode_picture};
use std::path::Path;
use std::sync::Arc;

/// A photo as pixels, and what was odd about its file.
#[derive(Debug)]
pub(crate) struct Picture {
    pub image: RgbImage,
    pub note: Option<String>,
}

/// One piece of work: it stops between its stages when nobody waits for it any more.
pub(crate) struct Work<'a> {
    pub state: &'a State,
    pub model: &'a Arc<Served>,
    pub cancel: &'a Cancel,
}

impl Work<'_> {
    fn stage<T>(&self, stage: Stage, work: impl FnOnce() -> Result<T, Problem>) -> Result<T, Problem> {
        self.cancel.check()?;
        self.state.metrics.stage(stage, work)
    }

    /// Decodes a photo, if the limits allow it by its header.
    pub fn decode(&self, photo: &Photo, background: [u8; 3]) -> Result<Picture, Problem> {
        self.decode_bytes(&photo.bytes, photo.file.as_deref(), background)
    }

    /// Decodes a photo that was decoded before.
    pub fn decode_again(&self, photo: &[u8]) -> Result<Picture, Problem> {
        self.decode_bytes(photo, None, [255; 3])
    }

    fn decode_bytes(
        &self,
        photo: &[u8],
        file: Option<&str>,
        background: [u8; 3],
    ) -> Result<Picture, Problem> {
        self.stage(Stage::Decode, || {
            let reading = self.model.segmenter.reading().with_background(background);
            let reading = reading.with_pixels(self.state.settings.limits.pixels);
            let picture = decode_picture(photo, Path::new(file.unwrap_or("the photo")), &reading)?;
            Ok(Picture { image: picture.image, note: picture.note })
        })
    }

    /// Runs the network.
    pub fn predict(&self, image: &RgbImage) -> Result<Prediction, Problem> {
        self.stage(Stage::Network, || Ok(self.model.segmenter.predict(image)?))
    }

    /// Runs the network and keeps what its steps did.
    pub fn explain(&self, image: &RgbImage) -> Result<Explanation, Problem> {
        self.stage(Stage::Network, || Ok(self.model.segmenter.explain(image)?))
    }

    /// Makes a result of what the network said.
    pub fn find(
        &self,
        prediction: &Prediction,
        task: Task,
        settings: &PostprocessConfig,
        least: Option<f32>,
    ) -> Result<Found, Problem> {
        self.stage(Stage::Postprocess, || Ok(Found::new(prediction, task, settings, least)?))
    }

    /// What is in a photo: of one run of the network, or of tiles where the model is one of those that look at photos of its size so. Instances
    /// are always of the whole photo.
    pub fn segment(
        &self,
        image: &RgbImage,
        task: Task,
        settings: &PostprocessConfig,
        least: Option<f32>,
    ) -> Result<Found, Problem> {
        match self.model.segmenter.tiling(image.width(), image.height()) {
            Some(tiling) if task != Task::Instance => self.in_tiles(image, tiling, task, settings),
            _ => self.find(&self.predict(image)?, task, settings, least),
        }
    }

    fn in_tiles(
        &self,
        image: &RgbImage,
        tiling: Tiling,
        task: Task,
        settings: &PostprocessConfig,
    ) -> Result<Found, Problem> {
        let segmenter = &self.model.segmenter;
        let categories = &segmenter.config().categories;
        let mut bands = Bands::from(image.clone());
        self.stage(Stage::Network, || match task {
            Task::Semantic => {
                let tile = |tile: &RgbImage| {
                    let Prediction { logits, frame, .. } = &segmenter.predict(tile)?;
                    postprocess::semantic(logits, frame, settings, categories)
                };
                let map = kmax_tiles::semantic(&mut bands, tiling, self.cancel, tile)?;
                Ok(Found::of_classes(map, categories))
            }
            _ => {
                let tile = |tile: &RgbImage| {
                    let Prediction { logits, frame, .. } = &segmenter.predict(tile)?;
                    postprocess::panoptic(logits, frame, settings, categories)
                };
                let panoptic = kmax_tiles::panoptic(&mut bands, tiling, categories, self.cancel, tile)?;
                Ok(Found::of(panoptic, categories))
            }
        })
    }

    /// Writes an answer.
    pub fn encode<T>(&self, write: impl FnOnce() -> Result<T, Problem>) -> Result<T, Problem> {
        self.stage(Stage::Encode, write)
    }
}

//! A photo in, a result out.

mod prediction;

pub use prediction::Prediction;

use crate::postprocess::{Frame, Instance, Predictions, Scope};
use crate::{Config, KMaxDeepLab, Model, PostprocessConfig, PreprocessConfig, ResizeConfig, Result};
use candle_core::{DType, Device, Tensor};
use image::RgbImage;
use kmax_masks::{LabelMap, Panoptic};
use kmax_nn::profile;
use kmax_transforms::eval::{self, Deeplab2Eval, EvalInput, PytorchEval};

/// A model that is ready to segment photos.
///
/// ```no_run
/// # fn main() -> kmax::Result<()> {
/// let photo = kmax::read_image("photo.jpg")?;
/// let result = kmax::Segmenter::load("kmax-people")?.segment(&photo)?;
/// for segment in &result.segments {
///     println!("{} covers {} pixels", segment.category_id, segment.area);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Segmenter {
    config: Config,
    network: KMaxDeepLab,
    device: Device,
}

impl Segmenter {
    /// Loads a model by its name, as [`Model::named`].
    ///
    /// # Errors
    /// If there is no such model, or a file of it is missing or wrong.
    pub fn load(model: &str) -> Result<Self> {
        Self::on_cpu(&Model::named(model)?)
    }

    /// Builds the network of a model on the CPU.
    ///
    /// # Errors
    /// If a parameter does not fit, which [`Model`] has checked.
    pub fn on_cpu(model: &Model) -> Result<Self> {
        Self::new(model, &Device::Cpu)
    }

    /// Builds the network of a model on a device.
    ///
    /// # Errors
    /// If the device fails.
    pub fn new(model: &Model, device: &Device) -> Result<Self> {
        let network = model.network(DType::F32, device)?;
        Ok(Self::from_network(model.config().clone(), network, device))
    }

    /// Around a network that stands already, such as one in training; it must be the one that `config` describes.
    pub fn from_network(config: Config, network: KMaxDeepLab, device: &Device) -> Self {
        Self { config, network, device: device.clone() }
    }

    /// What the model is.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The same with other settings of post-processing, such as thresholds.
    ///
    /// # Errors
    /// If they are out of range.
    pub fn with_postprocess(mut self, settings: PostprocessConfig) -> Result<Self> {
        settings.validate()?;
        self.config.postprocess = settings;
        Ok(self)
    }

    /// The segments of a photo, each pixel in at most one.
    ///
    /// # Errors
    /// If the photo has no pixels.
    pub fn segment(&self, photo: &RgbImage) -> Result<Panoptic> {
        self.predict(photo)?.panoptic()
    }

    /// The things of a photo, by falling score. Their masks may overlap.
    ///
    /// # Errors
    /// As [`Self::segment`].
    pub fn instances(&self, photo: &RgbImage) -> Result<Vec<Instance>> {
        self.predict(photo)?.instances(Scope::Things)
    }

    /// The category id of every pixel of a photo.
    ///
    /// # Errors
    /// As [`Self::segment`].
    pub fn semantic(&self, photo: &RgbImage) -> Result<LabelMap> {
        self.predict(photo)?.semantic()
    }

    /// Runs the network; the answer can then be looked at in several ways.
    ///
    /// # Errors
    /// As [`Self::segment`].
    pub fn predict(&self, photo: &RgbImage) -> Result<Prediction<'_>> {
        let (input, frame) = profile::stage("preprocessing", || self.input(photo))?;
        let logits = self.network.forward(&input)?;
        drop(input);
        let predictions = Predictions::of(&logits, 0, self.config.network.resize, frame.input[1])?;
        Ok(Prediction { config: &self.config, predictions, frame })
    }

    /// The network's input for a photo, and where the photo lies in it.
    fn input(&self, photo: &RgbImage) -> Result<(Tensor, Frame)> {
        let settings = &self.config.preprocess;
        let EvalInput { image, content_height, content_width } = prepare(photo, settings)?;
        let frame = Frame {
            input: [image.height, image.width],
            content: [content_height, content_width],
            photo: [photo.height() as usize, photo.width() as usize],
        };
        let mut values = image.data;
        let pixels = frame.input[0] * frame.input[1];
        let channels = settings.mean.into_iter().zip(settings.std);
        for (plane, (mean, std)) in values.chunks_exact_mut(pixels).zip(channels) {
            let (mean, std) = (mean as f32, std as f32);
            plane.iter_mut().for_each(|value| *value = (*value - mean) / std);
        }
        let [height, width] = frame.input;
        Ok((Tensor::from_vec(values, (1, 3, height, width), &self.device)?, frame))
    }
}

/// Brings a photo to the network's size.
fn prepare(photo: &RgbImage, settings: &PreprocessConfig) -> Result<EvalInput> {
    Ok(match settings.resize {
        ResizeConfig::Deeplab2 { min, max } => {
            eval::deeplab2(photo, &Deeplab2Eval { crop: settings.size, min, max })?
        }
        ResizeConfig::Port { shortest_edge, longest_edge } => eval::pytorch(
            photo,
            &PytorchEval { input: settings.size, shortest: shortest_edge, longest: longest_edge },
        )?,
        ResizeConfig::Fit { longest_edge } => eval::fit(photo, longest_edge)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Error, ModelCard, Preset, folder};
    use kmax_nn::Params;

    #[test]
    fn a_model_folder_segments_photos_in_every_manner() -> Result<()> {
        let parent = tempfile::tempdir().expect("a temporary folder");
        let path = parent.path().join("model");
        let mut config = Preset::People.config();
        // Drawn weights are sure of nothing.
        config.postprocess = PostprocessConfig {
            class_threshold_thing: 0.0,
            class_threshold_stuff: 0.0,
            pixel_threshold: 0.02,
            overlap_threshold: 0.0,
            ..config.postprocess
        };
        let params = Params::trainable(None, 3, DType::F32, &Device::Cpu);
        KMaxDeepLab::new(&config.network, &params)?;
        let weights =
            || params.parameters().into_iter().map(|p| (p.name, p.var.as_detached_tensor())).collect();
        let card = ModelCard { name: "Small".into(), license: "apache-2.0".into(), sections: Vec::new() };
        let photo = RgbImage::from_fn(50, 31, |x, y| image::Rgb([(x * 5) as u8, (y * 8) as u8, 90]));
        for preprocess in
            [PreprocessConfig::fit(65), PreprocessConfig::port([65; 2]), PreprocessConfig::deeplab2(65)]
        {
            config.preprocess = preprocess;
            folder::save(&path, &config, weights(), DType::F32, &card)?;
            let segmenter = Segmenter::load(&path.display().to_string())?;
            let prediction = segmenter.predict(&photo)?;
            assert_eq!(prediction.frame.photo, [31, 50]);
            let panoptic = segmenter.segment(&photo)?;
            panoptic.validate(&config.categories)?;
            assert_eq!((panoptic.map.width(), panoptic.map.height()), (50, 31));
            assert!(!panoptic.segments.is_empty() && panoptic == prediction.panoptic()?);
            let classes = segmenter.semantic(&photo)?;
            assert!(classes.extents().iter().all(|(id, _)| config.categories.get(*id).is_some()));
            assert!(segmenter.instances(&photo)?.iter().all(|i| config.categories.is_thing(i.category_id)));
            // So thin that a pixel across is more than its share of the input.
            assert_eq!(segmenter.segment(&RgbImage::new(1, 5000))?.map.height(), 5000);
            assert!(segmenter.segment(&RgbImage::new(0, 0)).is_err());
            let wrong = PostprocessConfig { pixel_threshold: 7.0, ..config.postprocess };
            assert!(segmenter.with_postprocess(wrong).is_err());
        }
        assert!(matches!(Segmenter::load("no such model"), Err(Error::UnknownModel(_))));
        Ok(())
    }
}

//! An image in, a result out.

mod builder;
mod input;
mod prediction;
#[cfg(test)]
pub(crate) mod tests;
mod tiles;

pub use builder::{ModelSource, Precision, SegmenterBuilder};
pub use prediction::Prediction;

use crate::config::Config;
use crate::error::Result;

use crate::explanation::{self, Explanation};
use crate::network::{KMaxDeepLab, Logits};
use crate::postprocess::{Frame, Instance, PostprocessConfig, QueryLogits, Scope};
use candle_core::{DType, Device, Tensor};
use image::RgbImage;
use input::Input;
use kmax_attention::LayerOutput;
use kmax_masks::{LabelMap, Panoptic};
use kmax_nn::profile;
use kmax_tiles::{Bands, Tiling};
use kmax_transforms::Reading;
use std::sync::Arc;

/// Bytes that a result needs for each pixel of its image: its map of ids, that map as RGB, and as much again for what becomes
/// a PNG. An image of 20,000 x 15,000 takes 4.3 GB, 14 bytes a pixel with its own three.
const BYTES_PER_PIXEL: u64 = 4 + 3 + 4;
/// Bytes that the network needs for each pixel of its input, by measurements of the larger networks.
const BYTES_PER_INPUT_PIXEL: u64 = 2_000;

/// Output strides of the maps that the decoder's layers read.
const STRIDES: [usize; 3] = [32, 16, 8];

/// A model that is ready to segment images.
///
/// ```no_run
/// use kmax_model::{RgbImage, Segmenter};
///
/// # fn main() -> kmax_model::Result<()> {
/// let segmenter = Segmenter::load("path/of/a/model-folder")?;
/// let result = segmenter.segment(&RgbImage::new(640, 480))?;
/// for segment in &result.segments {
///     println!("{} covers {} pixels", segment.category_id, segment.area);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Segmenter {
    config: Arc<Config>,
    network: KMaxDeepLab,
    device: Device,
    dtype: DType,
    /// Its own threads, if it does not work on the global ones.
    pool: Option<Arc<rayon::ThreadPool>>,
    batch: usize,
    /// How larger images are cut, if somebody said so.
    tiles: Option<Tiling>,
}

impl Segmenter {
    /// Settings of a segmenter of that model: its name as [`Model::named`](crate::Model::named) takes it, or a
    /// [`Model`](crate::Model).
    pub fn builder(model: impl Into<ModelSource>) -> SegmenterBuilder {
        SegmenterBuilder::new(model.into())
    }

    /// A model by its name, on the CPU.
    ///
    /// # Errors
    /// If there is no such model, or a file of it is missing or wrong.
    pub fn load(model: &str) -> Result<Self> {
        Self::builder(model).build()
    }

    /// Around a network that stands already, such as one in training; it must be the one that `config` describes.
    pub fn from_network(config: Config, network: KMaxDeepLab, device: &Device) -> Self {
        let config = Arc::new(config);
        Self { config, network, device: device.clone(), dtype: DType::F32, pool: None, batch: 1, tiles: None }
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
        Arc::make_mut(&mut self.config).postprocess = settings;
        Ok(self)
    }

    /// How images for this model are read: one for which memory would not suffice is refused before it is decoded, where the system
    /// says how much there is. That holds for what becomes of the result, too: its map, and that map as a PNG.
    pub fn reading(&self) -> Reading {
        let [height, width] = self.config.preprocess.size.map(|length| length as u64);
        match kmax_base::memory::available() {
            Some(free) => {
                Reading::default().with_memory(free, BYTES_PER_PIXEL, BYTES_PER_INPUT_PIXEL * height * width)
            }
            None => Reading::default(),
        }
    }

    /// The segments of an image, each pixel in at most one; in [tiles](Self::tiling), if it is too large for the network's input.
    ///
    /// # Errors
    /// If the image has no pixels.
    pub fn segment(&self, image: &RgbImage) -> Result<Panoptic> {
        match self.tiling(image.width(), image.height()) {
            Some(tiling) => self.segment_tiles(&mut Bands::from(image.clone()), tiling, &()),
            None => self.install(|| self.predict(image)?.panoptic()),
        }
    }

    /// As [`Self::segment`], for images of any sizes: those whose network inputs are of one size go through the network
    /// together, as many as [`SegmenterBuilder::batch`] says. Results are in the order of the images. None is cut into tiles.
    ///
    /// # Errors
    /// If one of the images has no pixels.
    pub fn segment_batch(&self, images: &[RgbImage]) -> Result<Vec<Panoptic>> {
        self.install(|| self.predict_batch(images)?.iter().map(Prediction::panoptic).collect())
    }

    /// The things of an image, by falling score. Their masks may overlap. The network sees the image as a whole, whatever its size.
    ///
    /// # Errors
    /// As [`Self::segment`].
    pub fn instances(&self, image: &RgbImage) -> Result<Vec<Instance>> {
        self.install(|| self.predict(image)?.instances(Scope::Things))
    }

    /// The category id of every pixel of an image; in [tiles](Self::tiling), if it is too large for the network's input.
    ///
    /// # Errors
    /// As [`Self::segment`].
    pub fn semantic(&self, image: &RgbImage) -> Result<LabelMap> {
        match self.tiling(image.width(), image.height()) {
            Some(tiling) => self.semantic_tiles(&mut Bands::from(image.clone()), tiling, &()),
            None => self.install(|| self.predict(image)?.semantic()),
        }
    }

    /// Runs the network on the whole image, whatever its size; the answer can then be looked at in several ways, its logits among them.
    ///
    /// # Errors
    /// As [`Self::segment`].
    pub fn predict(&self, image: &RgbImage) -> Result<Prediction> {
        self.install(|| {
            let input = profile::stage("preprocessing", || Input::new(image, &self.config.preprocess))?;
            let tensor = self.tensor(&[&input])?;
            self.forward(&tensor, &[&input])?.pop().ok_or_else(nothing)
        })
    }

    /// As [`Self::predict`], with what each k-means step did on the way. It takes somewhat longer, for the steps' class logits are
    /// computed too, and more memory: the mask logits of all steps.
    ///
    /// # Errors
    /// As [`Self::segment`].
    pub fn explain(&self, image: &RgbImage) -> Result<Explanation> {
        self.install(|| {
            let input = Input::new(image, &self.config.preprocess)?;
            let (logits, layers) = self.network.forward_with_layers(&self.tensor(&[&input])?)?;
            let prediction = self.prediction(&logits, 0, input.frame)?;
            let strides = STRIDES.into_iter().zip(self.config.network.decoder.layers);
            let strides = strides.flat_map(|(stride, layers)| std::iter::repeat_n(stride, layers));
            let step = |(stride, layer): (usize, LayerOutput)| {
                let assigned = layer.assignment.flatten_all()?.to_vec1()?;
                let logits = self.query_logits(&Logits::of(layer.prediction)?, 0, input.frame)?;
                explanation::step(stride, logits, &assigned, &prediction)
            };
            let steps = strides.zip(layers).map(step).collect::<Result<_>>()?;
            Ok(Explanation { prediction, steps })
        })
    }

    /// As [`Self::predict`], for images of any sizes, as [`Self::segment_batch`].
    ///
    /// # Errors
    /// As [`Self::segment_batch`].
    pub fn predict_batch(&self, images: &[RgbImage]) -> Result<Vec<Prediction>> {
        self.install(|| {
            let mut predictions: Vec<Option<Prediction>> = images.iter().map(|_| None).collect();
            let mut waiting: Vec<(usize, Input)> = Vec::new();
            for (index, image) in images.iter().enumerate() {
                let input = Input::new(image, &self.config.preprocess)?;
                waiting.push((index, input));
                let size = waiting.last().map(|(_, input)| input.frame.input);
                let alike = waiting.iter().filter(|(_, input)| Some(input.frame.input) == size).count();
                if alike >= self.batch
                    && let Some(size) = size
                {
                    self.run(&mut waiting, size, &mut predictions)?;
                }
            }
            while let Some(size) = waiting.first().map(|(_, input)| input.frame.input) {
                self.run(&mut waiting, size, &mut predictions)?;
            }
            predictions.into_iter().map(|prediction| prediction.ok_or_else(nothing)).collect()
        })
    }

    /// Takes the inputs of that size out of `waiting` and puts them through the network together.
    fn run(
        &self,
        waiting: &mut Vec<(usize, Input)>,
        size: [usize; 2],
        predictions: &mut [Option<Prediction>],
    ) -> Result<()> {
        let (now, later) = std::mem::take(waiting).into_iter().partition(|(_, i)| i.frame.input == size);
        *waiting = later;
        let now: Vec<(usize, Input)> = now;
        let inputs: Vec<&Input> = now.iter().map(|(_, input)| input).collect();
        let tensor = self.tensor(&inputs)?;
        for ((index, _), prediction) in now.iter().zip(self.forward(&tensor, &inputs)?) {
            predictions[*index] = Some(prediction);
        }
        Ok(())
    }

    /// Inputs of one size as `[b, 3, h, w]`.
    fn tensor(&self, inputs: &[&Input]) -> Result<Tensor> {
        let Some(first) = inputs.first() else { return Err(nothing()) };
        let [height, width] = first.frame.input;
        let values: Vec<f32> = inputs.iter().flat_map(|input| input.values.iter().copied()).collect();
        let tensor = Tensor::from_vec(values, (inputs.len(), 3, height, width), &Device::Cpu)?;
        Ok(tensor.to_device(&self.device)?.to_dtype(self.dtype)?)
    }

    fn forward(&self, tensor: &Tensor, inputs: &[&Input]) -> Result<Vec<Prediction>> {
        let logits = self.network.forward(tensor)?;
        inputs.iter().enumerate().map(|(index, input)| self.prediction(&logits, index, input.frame)).collect()
    }

    fn prediction(&self, logits: &Logits, index: usize, frame: Frame) -> Result<Prediction> {
        let logits = self.query_logits(logits, index, frame)?;
        Ok(Prediction { config: self.config.clone(), logits, frame })
    }

    fn query_logits(&self, logits: &Logits, index: usize, frame: Frame) -> Result<QueryLogits> {
        QueryLogits::of(logits, index, self.config.network.resize, frame.input[1])
    }

    fn install<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        match &self.pool {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }
}

fn nothing() -> crate::error::Error {
    crate::error::Error::Network("an empty batch".into())
}

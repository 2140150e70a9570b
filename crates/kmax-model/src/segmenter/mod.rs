//! An image in, a result out.

mod builder;
mod input;
mod memory;
mod prediction;
mod segments;
#[cfg(test)]
pub(crate) mod tests;
mod tiles;

pub use builder::{DeviceSource, ModelSource, SegmenterBuilder};
pub use input::Prepared;
pub use prediction::Prediction;

use crate::config::Config;
use crate::error::Result;
use crate::explanation::{self, Explanation};
use crate::network::{KMaxDeepLab, Logits};
use crate::postprocess::{Frame, Instance, PostprocessConfig, QueryLogits, Scope};
use crate::precision::Precision;
use candle_core::{Device, Tensor};
use image::RgbImage;
use kmax_attention::LayerOutput;
use kmax_masks::{LabelMap, Panoptic};
use kmax_nn::device::{self, Place};
use kmax_nn::profile;
use kmax_tiles::{Bands, Tiling};
use std::sync::Arc;

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
    precision: Precision,
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
        Self {
            config,
            network,
            device: device.clone(),
            precision: Precision::Float32,
            pool: None,
            batch: 1,
            tiles: None,
        }
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

    /// Where the network runs.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// What it computes in.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Where and in what it computes, if that is anything but float32 on the CPU: results that are kept are told apart by it.
    pub fn computed(&self) -> Option<String> {
        let usual = self.device.is_cpu() && self.precision == Precision::default();
        // GPUs of one kind are alike.
        let kind = match device::place(&self.device) {
            Place::Cpu => "cpu",
            Place::Cuda(_) => "cuda",
            Place::Metal(_) => "metal",
        };
        (!usual).then(|| format!("{} on {kind}", self.precision))
    }

    /// The segments of an image, each pixel in at most one; in [tiles](Self::tiling), if it is too large for the network's input.
    ///
    /// # Errors
    /// If the image has no pixels.
    pub fn segment(&self, image: &RgbImage) -> Result<Panoptic> {
        match self.tiling(image.width(), image.height()) {
            Some(tiling) => self.segment_tiles(&mut Bands::from(image.clone()), tiling, &()),
            None => self.install(|| self.segment_whole(image)),
        }
    }

    /// As [`Self::segment`], for images of any sizes: those whose network inputs are of one size go through the network
    /// together, as many as [`SegmenterBuilder::batch`] says. Results are in the order of the images.
    ///
    /// # Errors
    /// If one of the images has no pixels.
    pub fn segment_batch(&self, images: &[RgbImage]) -> Result<Vec<Panoptic>> {
        let prepare = |image| self.prepare(image);
        let inputs = images.iter().map(prepare).collect::<Result<Vec<_>>>()?;
        Ok(self.segment_prepared(&inputs)?.into_iter().map(|(panoptic, _)| panoptic).collect())
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
            let input = profile::stage("preprocessing", || self.prepare(image))?;
            self.forward(&[&input])?.pop().ok_or_else(nothing)
        })
    }

    /// As [`Self::predict`], with what each k-means step did on the way. It takes somewhat longer, for the steps' class logits are
    /// computed too, and more memory: the mask logits of all steps.
    ///
    /// # Errors
    /// As [`Self::segment`].
    pub fn explain(&self, image: &RgbImage) -> Result<Explanation> {
        self.install(|| {
            let input = self.prepare(image)?;
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
        let prepare = |image| self.prepare(image);
        self.install(|| self.predict_prepared(&images.iter().map(prepare).collect::<Result<Vec<_>>>()?))
    }

    /// An image as the network takes it: what [`Self::predict`] does first, for those who do it beside the device.
    ///
    /// # Errors
    /// If the image has no pixels.
    pub fn prepare(&self, image: &RgbImage) -> Result<Prepared> {
        Prepared::new(image, &self.config.preprocess)
    }

    /// As [`Self::predict_batch`], of images that this segmenter, or one of the same model, has prepared.
    ///
    /// # Errors
    /// [`Error::DeviceMemory`](crate::Error::DeviceMemory) if so many do not fit the device at once.
    pub fn predict_prepared(&self, inputs: &[Prepared]) -> Result<Vec<Prediction>> {
        self.together(inputs, |inputs| self.forward(inputs))
    }

    /// What `run` gives for inputs of one size, at most a batch of them at a time; in the order of the inputs.
    fn together<T: Send>(
        &self,
        inputs: &[Prepared],
        run: impl Fn(&[&Prepared]) -> Result<Vec<T>> + Sync + Send,
    ) -> Result<Vec<T>> {
        let mut by_size: Vec<([usize; 2], Vec<usize>)> = Vec::new();
        for (index, input) in inputs.iter().enumerate() {
            let size = input.frame.input;
            match by_size.iter_mut().find(|(other, _)| *other == size) {
                Some((_, indices)) => indices.push(index),
                None => by_size.push((size, vec![index])),
            }
        }
        self.install(|| {
            let mut results: Vec<Option<T>> = inputs.iter().map(|_| None).collect();
            for indices in by_size.iter().flat_map(|(_, indices)| indices.chunks(self.batch)) {
                let together: Vec<&Prepared> = indices.iter().map(|&index| &inputs[index]).collect();
                for (&index, result) in indices.iter().zip(run(&together)?) {
                    results[index] = Some(result);
                }
            }
            results.into_iter().map(|result| result.ok_or_else(nothing)).collect()
        })
    }

    /// Inputs of one size as `[b, 3, h, w]`.
    fn tensor(&self, inputs: &[&Prepared]) -> Result<Tensor> {
        let Some(first) = inputs.first() else { return Err(nothing()) };
        let [height, width] = first.frame.input;
        let values: Vec<f32> = inputs.iter().flat_map(|input| input.values.iter().copied()).collect();
        let tensor = Tensor::from_vec(values, (inputs.len(), 3, height, width), &Device::Cpu)?;
        Ok(tensor.to_device(&self.device)?.to_dtype(self.precision.of_input(&self.device))?)
    }

    /// Of inputs of one size. What the network says is copied from the device once.
    fn forward(&self, inputs: &[&Prepared]) -> Result<Vec<Prediction>> {
        let logits = self.logits(inputs)?.on_cpu().map_err(|error| self.told(error, inputs))?;
        inputs.iter().enumerate().map(|(index, input)| self.prediction(&logits, index, input.frame)).collect()
    }

    /// On the device.
    fn logits(&self, inputs: &[&Prepared]) -> Result<Logits> {
        let run = || self.network.forward(&self.tensor(inputs)?);
        run().map_err(|error| self.told(error, inputs))
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

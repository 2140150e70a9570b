//! How a segmenter is put together.

use super::Segmenter;
use crate::error::{Error, Result};
use crate::folder::Model;
use crate::postprocess::PostprocessConfig;
use candle_core::{DType, Device};
use kmax_base::limits;
use kmax_tiles::Tiling;
use std::sync::Arc;

/// Precision that a network computes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Precision {
    /// IEEE single precision: on every device, and what the reference values are met in.
    #[default]
    Float32,
    /// IEEE half precision; not on the CPU.
    Float16,
    /// bfloat16; not on the CPU.
    Bfloat16,
}

impl Precision {
    /// Candle's word for it.
    pub fn dtype(self) -> DType {
        match self {
            Self::Float32 => DType::F32,
            Self::Float16 => DType::F16,
            Self::Bfloat16 => DType::BF16,
        }
    }
}

/// A model, or its name.
#[derive(Debug)]
#[non_exhaustive]
pub enum ModelSource {
    /// As [`Model::named`] takes it.
    Name(String),
    /// One that was read already.
    Model(Box<Model>),
}

impl From<&str> for ModelSource {
    fn from(name: &str) -> Self {
        Self::Name(name.into())
    }
}

impl From<String> for ModelSource {
    fn from(name: String) -> Self {
        Self::Name(name)
    }
}

impl From<Model> for ModelSource {
    fn from(model: Model) -> Self {
        Self::Model(Box::new(model))
    }
}

/// Settings of a [`Segmenter`]; made by [`Segmenter::builder`].
#[derive(Debug)]
#[must_use]
pub struct SegmenterBuilder {
    source: ModelSource,
    device: Device,
    precision: Precision,
    threads: Option<usize>,
    batch: usize,
    tiles: Option<Tiling>,
    postprocess: Option<PostprocessConfig>,
}

impl SegmenterBuilder {
    pub(super) fn new(source: ModelSource) -> Self {
        let device = Device::Cpu;
        Self {
            source,
            device,
            precision: Precision::Float32,
            threads: None,
            batch: 1,
            tiles: None,
            postprocess: None,
        }
    }

    /// Where the network runs; the CPU if nothing is said.
    pub fn device(self, device: Device) -> Self {
        Self { device, ..self }
    }

    /// Precision of the network; float32 if nothing is said.
    pub fn precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// Threads of this segmenter alone. If nothing is said, it works on rayon's global threads.
    pub fn threads(self, threads: usize) -> Self {
        Self { threads: Some(threads), ..self }
    }

    /// Most images of one size that [`Segmenter::segment_batch`] puts through the network together; 1 if nothing is said.
    /// More serves devices that one image does not fill, and takes memory in proportion.
    pub fn batch(self, images: usize) -> Self {
        Self { batch: images, ..self }
    }

    /// Tiles into which images that are larger are cut, by [`Segmenter::segment`] and [`Segmenter::semantic`]; those of the model's
    /// configuration, if nothing is said, and if it has none, none.
    pub fn tiles(self, tiles: Tiling) -> Self {
        Self { tiles: Some(tiles), ..self }
    }

    /// Other settings of post-processing than the model's own.
    pub fn postprocess(self, settings: PostprocessConfig) -> Self {
        Self { postprocess: Some(settings), ..self }
    }

    /// Reads the model and builds its network.
    ///
    /// # Errors
    /// If there is no such model or a file of it is wrong, if the device cannot compute in the precision, or if a setting is
    /// out of its range.
    pub fn build(self) -> Result<Segmenter> {
        if self.device.is_cpu() && self.precision != Precision::Float32 {
            let reason = format!("a network on the CPU computes in float32, not in {:?}", self.precision);
            return Err(Error::Argument(reason));
        }
        if self.batch == 0 || self.threads == Some(0) {
            return Err(Error::Argument("a batch and a number of threads are at least 1".into()));
        }
        for (what, number, most) in [
            ("threads", self.threads.unwrap_or(1), limits::THREADS),
            ("images in a batch", self.batch, limits::BATCH),
        ] {
            if number > most {
                return Err(Error::Argument(format!("{number} {what}: at most {most} are possible")));
            }
        }
        self.tiles.map_or(Ok(()), Tiling::check)?;
        let pool = match self.threads {
            None => None,
            Some(threads) => {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
                Some(Arc::new(pool.map_err(|e| Error::Argument(format!("{threads} threads: {e}")))?))
            }
        };
        let model = match self.source {
            ModelSource::Name(name) => Model::named(&name)?,
            ModelSource::Model(model) => *model,
        };
        let dtype = self.precision.dtype();
        let network = model.network(dtype, &self.device)?;
        let mut segmenter = Segmenter::from_network(model.config().clone(), network, &self.device);
        (segmenter.dtype, segmenter.pool, segmenter.batch) = (dtype, pool, self.batch);
        segmenter.tiles = self.tiles;
        match self.postprocess {
            Some(settings) => segmenter.with_postprocess(settings),
            None => Ok(segmenter),
        }
    }
}

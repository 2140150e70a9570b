//! How a segmenter is put together.

use super::Segmenter;
use crate::error::{Error, Result};
use crate::folder::Model;
use crate::postprocess::PostprocessConfig;
use crate::precision::PrecisionChoice;
use candle_core::Device;
use kmax_base::limits;
use kmax_nn::device::{self, DeviceChoice};
use kmax_tiles::Tiling;
use std::sync::Arc;

/// A device, or which one is meant.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum DeviceSource {
    /// As [`kmax_nn::device::open`] takes it.
    Choice(DeviceChoice),
    /// One that is open already.
    Device(Device),
}

impl From<DeviceChoice> for DeviceSource {
    fn from(choice: DeviceChoice) -> Self {
        Self::Choice(choice)
    }
}

impl From<Device> for DeviceSource {
    fn from(device: Device) -> Self {
        Self::Device(device)
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
    device: DeviceSource,
    precision: PrecisionChoice,
    threads: Option<usize>,
    batch: usize,
    tiles: Option<Tiling>,
    postprocess: Option<PostprocessConfig>,
}

impl SegmenterBuilder {
    pub(super) fn new(source: ModelSource) -> Self {
        let device = DeviceChoice::default().into();
        Self {
            source,
            device,
            precision: PrecisionChoice::default(),
            threads: None,
            batch: 1,
            tiles: None,
            postprocess: None,
        }
    }

    /// Where the network runs, as a [`DeviceChoice`] or as Candle's [`Device`]; the CPU if nothing is said.
    pub fn device(self, device: impl Into<DeviceSource>) -> Self {
        Self { device: device.into(), ..self }
    }

    /// Precision of the network, as a [`Precision`](crate::Precision) or [`PrecisionChoice::Auto`]; float32 if nothing is said.
    pub fn precision(self, precision: impl Into<PrecisionChoice>) -> Self {
        Self { precision: precision.into(), ..self }
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
    /// If there is no such model or a file of it is wrong, if the device is not there or cannot compute in the precision, or if a
    /// setting is out of its range.
    pub fn build(self) -> Result<Segmenter> {
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
        let device = match self.device {
            DeviceSource::Device(device) => device,
            DeviceSource::Choice(choice) => device::open(choice)?.device,
        };
        let precision = self.precision.on(&device)?;
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
        let network = model.network(precision, &device)?;
        let mut segmenter = Segmenter::from_network(model.config().clone(), network, &device);
        (segmenter.precision, segmenter.pool, segmenter.batch) = (precision, pool, self.batch);
        segmenter.tiles = self.tiles;
        match self.postprocess {
            Some(settings) => segmenter.with_postprocess(settings),
            None => Ok(segmenter),
        }
    }
}

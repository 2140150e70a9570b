//! Training kMaX-DeepLab: reads a folder of images with COCO panoptic labels, and leaves a model folder.
//!
//! [`Trainer::new`] sets a run up, [`Trainer::resume`] continues an earlier one bit for bit, [`Trainer::run`] goes to
//! the end and tells an [`Observer`] about it.

#![forbid(unsafe_code)]

mod batch;
mod checkpoint;
mod config;
mod error;
mod evaluate;
mod export;
mod folder;
mod log;
mod model;
mod observer;
pub mod optim;
mod outputs;
mod start;
#[cfg(test)]
mod tests;
mod trainer;

pub use checkpoint::Checkpoint;
pub use config::{
    AugmentConfig, CheckpointConfig, DataConfig, ExportConfig, Float, ModelSource, ScheduleConfig,
    SplitConfig, TrainConfig,
};
pub use error::{Error, Result};
pub use folder::set_aside;
pub use kmax_base::Progress;
pub use kmax_model;
pub use observer::{Evaluation, Observer, Silent, StepReport};
pub use outputs::supervised;
pub use trainer::Trainer;

//! Training kMaX-DeepLab: reads a folder of images with COCO panoptic labels, and leaves a model folder.
//!
//! [`Trainer::new`] sets a run up, [`Trainer::resume`] continues an earlier one bit for bit, [`Trainer::run`] goes to
//! the end and tells an [`Observer`] about it. The settings are a TOML file, [`TrainConfig`].
//!
//! ```no_run
//! use kmax_train::{Silent, TrainConfig, Trainer};
//!
//! # fn main() -> kmax_train::Result<()> {
//! let mut trainer = Trainer::new(TrainConfig::read("train.toml".as_ref())?)?;
//! trainer.resume()?;
//! if let Some(model) = trainer.run(&mut Silent)? {
//!     println!("{}", model.display());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! In a loop of one's own, over any network whose parameters come from [`Params`](kmax_nn::Params), [`optim`] has the optimizer
//! and the schedules, and [`kmax_losses`] the criterion:
//!
//! ```
//! use kmax_train::kmax_nn::candle_core::{DType, Device};
//! use kmax_train::kmax_nn::{Init, Params, Role};
//! use kmax_train::optim::{AdamW, AdamWConfig, Schedule};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // One variable that has to become 3.
//! let params = Params::trainable(None, 1, DType::F32, &Device::Cpu);
//! let x = params.get("x", &[1], Init::ZEROS, Role::Bias)?;
//! let mut optimizer = AdamW::new(params.parameters(), AdamWConfig::pytorch())?;
//! let schedule = Schedule::pytorch(0.3, 5, 100);
//! for step in 0..100 {
//!     let loss = x.affine(1.0, -3.0)?.sqr()?.sum_all()?;
//!     optimizer.step(&loss.backward()?, schedule.rate(step))?;
//! }
//! assert!((x.to_vec1::<f32>()?[0] - 3.0).abs() < 0.1);
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod batch;
mod checkpoint;
mod config;
mod data;
mod device;
mod error;
mod evaluate;
mod events;
mod export;
mod folder;
mod launch;
mod log;
mod model;
#[cfg(feature = "mpi")]
pub mod mpi;
mod observer;
pub mod optim;
mod outputs;
mod plan;
mod recipe;
mod report;
mod start;
#[cfg(test)]
mod tests;
mod trainer;

pub use checkpoint::Checkpoint;
pub use config::{
    AugmentConfig, CheckpointConfig, DataConfig, ExportConfig, Float, ModelSource, ScheduleConfig,
    SplitConfig, TrainConfig,
};
pub use device::training_device;
pub use error::{Error, Result};
pub use folder::set_aside;
pub use kmax_base::Progress;
pub use kmax_model;
pub use launch::launched;
pub use observer::{Evaluation, Observer, Silent, StepReport};
pub use outputs::supervised;
pub use plan::{DEFAULT_MODEL, Length, Plan, Planned};
pub use recipe::Recipe;
pub use trainer::Trainer;
// For a loop of one's own: the criterion, the layers and the model.
pub use kmax_losses;
pub use kmax_nn;

/// The program of the README runs as it stands.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

//! Published models by their names: fetched, converted, verified, and kept in a cache.
//!
//! [`Puller::pull`] takes every name of `kmax models`, an encoder trained on ImageNet, a model folder on the Hugging Face Hub
//! (`hf://owner/name`) or a checkpoint there (`hf://owner/name/file.pth`), and gives the place on disk. What is in the cache is
//! not fetched again.
//!
//! ```no_run
//! use kmax_pull::{Event, Options, Puller, Settings};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let puller = Puller::new(Settings::from_env()?);
//! let pulled = puller.pull("kmax-convnext-tiny-coco", &Options::default(), &mut |event| {
//!     if let Event::Fetching { name, from, bytes, license } = event {
//!         println!("{name} from {from}: {bytes:?} bytes, {license}");
//!     }
//! })?;
//! let model = kmax_model::Model::open(&pulled.path)?;
//! println!("{} classes", model.config().categories.len());
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod error;
mod event;
mod puller;
mod settings;
mod target;

pub use error::{Error, Result};
pub use event::Event;
pub use kmax_convert::WeightSet;
pub use puller::{Options, Pulled, Puller};
pub use settings::Settings;
pub use target::Target;

/// The program of the README runs as it stands.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

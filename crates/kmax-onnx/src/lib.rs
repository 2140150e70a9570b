//! kMaX-DeepLab models as ONNX files, written from the network's own structure: nothing is run or traced.
//!
//! ```
//! use kmax_model::{KMaxDeepLab, Params, Preset};
//! use kmax_onnx::{InputSize, Options, export_weights};
//! use candle_core::{DType, Device};
//! use std::collections::HashMap;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = Preset::named("kmax-people").ok_or("no such preset")?.config();
//! // Weights drawn from a seed; `export` takes a model that was read.
//! let params = Params::trainable(None, 1, DType::F32, &Device::Cpu);
//! KMaxDeepLab::new(&config.network, &params)?;
//! let weights = params.parameters().into_iter().map(|p| (p.name, p.var.as_detached_tensor()));
//! let weights: HashMap<_, _> = weights.collect();
//!
//! let options = Options { size: InputSize::Fixed([65, 97]), ..Options::default() };
//! let file = export_weights("people", &config, weights, &options)?;
//! println!("{} bytes", file.into_bytes().len());
//! # Ok(())
//! # }
//! ```
//!
//! [`proto`] has the messages of the format, `Exported::message` the one that was made. What the inputs and outputs are, and which engines
//! run the files, stands in `docs/ONNX.md`.

#![forbid(unsafe_code)]

mod error;
mod file;
mod frame;
mod graph;
mod layers;
mod metadata;
mod network;
mod options;
mod postprocess;
mod preprocess;
pub mod proto;
mod whole;

pub use error::{Error, Result};
pub use file::{Exported, export, export_weights};
pub use kmax_base::ErrorKind;
pub use options::{Batch, InputSize, OPSETS, Options, Precision};

/// The program of the README runs as it stands.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

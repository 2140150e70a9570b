//! Class, mask and auxiliary semantic heads of kMaX-DeepLab.
//!
//! [`Predictor`] turns queries and pixels into class and mask logits; [`SemanticHead`] is the auxiliary head that
//! training adds.
//!
//! ```
//! use kmax_heads::candle_core::{DType, Device, Tensor};
//! use kmax_heads::{BatchNormConfig, Mode, Params, Predictor, PredictorConfig};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (pixel, query, classes) = (48, 32, 5);
//! let norm = BatchNormConfig::default();
//! let config = PredictorConfig { pixel, query, hidden: 64, embedding: 16, classes, norm };
//! let params = Params::trainable(None, 1, DType::F32, &Device::Cpu);
//! let predictor = Predictor::new(config, &params)?;
//!
//! let pixels = Tensor::randn(0f32, 1.0, (1, pixel, 16, 24), &Device::Cpu)?;
//! let queries = Tensor::randn(0f32, 1.0, (1, query, 10), &Device::Cpu)?;
//! let said = predictor.forward(&pixels, &queries, Some(&queries), &Mode::eval())?;
//! assert_eq!(said.mask_logits.dims(), [1, 10, 16, 24]);
//! // Void is the last class.
//! assert_eq!(said.class_logits.map(|logits| logits.dims().to_vec()), Some(vec![1, 10, 6]));
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod error;
mod predictor;
mod semantic;

pub use candle_core;
pub use error::{Error, Result};
pub use kmax_base::ErrorKind;
pub use kmax_nn::layers::RunningVariance;
pub use kmax_nn::{BatchNormConfig, Mode, Params};
pub use predictor::{Prediction, Predictor, PredictorConfig, towards_void};
pub use semantic::{Aspp, SemanticConfig, SemanticHead, SemanticKind};

/// The program of the README runs as it stands.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

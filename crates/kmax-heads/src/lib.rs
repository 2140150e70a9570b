//! Class, mask and auxiliary semantic heads of kMaX-DeepLab.
//!
//! [`Predictor`] turns queries and pixels into class and mask logits; [`SemanticHead`] is the auxiliary head that
//! training adds.

#![forbid(unsafe_code)]

mod error;
mod predictor;
mod semantic;

pub use candle_core;
pub use error::{Error, Result};
pub use kmax_base::ErrorKind;
pub use kmax_nn::layers::RunningVariance;
pub use kmax_nn::{BatchNormConfig, Mode, Params};
pub use predictor::{Prediction, Predictor, PredictorConfig};
pub use semantic::{Aspp, SemanticConfig, SemanticHead, SemanticKind};

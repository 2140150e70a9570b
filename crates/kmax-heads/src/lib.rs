//! Class, mask and auxiliary semantic heads of kMaX-DeepLab.
//!
//! [`Predictor`] turns queries and pixels into class and mask logits; [`SemanticHead`] is the auxiliary head that
//! training adds.

mod error;
mod predictor;
mod semantic;

pub use error::{Error, Result};
pub use predictor::{Prediction, Predictor, PredictorConfig};
pub use semantic::{Aspp, SemanticConfig, SemanticHead, SemanticKind};

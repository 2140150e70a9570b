//! Activations by name.

use crate::{Result, ops};
use candle_core::Tensor;
use serde::{Deserialize, Serialize};

/// An element-wise activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// None.
    #[default]
    Identity,
    /// `max(x, 0)`.
    Relu,
    /// `min(max(x, 0), 6)`.
    Relu6,
    /// Exact GELU.
    Gelu,
}

impl Activation {
    /// Applies it.
    ///
    /// # Errors
    /// If Candle fails.
    pub fn forward(self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Identity => Ok(x.clone()),
            Self::Relu => ops::relu(x),
            Self::Relu6 => ops::relu6(x),
            Self::Gelu => ops::gelu(x),
        }
    }
}

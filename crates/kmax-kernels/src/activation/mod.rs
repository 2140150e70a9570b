//! Activations.

mod device;
mod pointwise;

pub(crate) use device::Pass;
pub(crate) use pointwise::{activate, activation_gradient, gelu_slope};
pub use pointwise::{gelu, relu, relu6};

use crate::error::Result;
use candle_core::{Module, Tensor};
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
            Self::Relu => relu(x),
            Self::Relu6 => relu6(x),
            Self::Gelu => gelu(x),
        }
    }
}

impl Module for Activation {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        Ok(Activation::forward(*self, x)?)
    }
}

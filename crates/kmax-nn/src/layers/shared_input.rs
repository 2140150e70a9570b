//! A map that several layers read behind the same activation.

use super::chain::Chain;
use crate::error::Result;
use crate::mode::Mode;
use candle_core::Tensor;
use kmax_kernels::Activation;
use std::sync::OnceLock;

/// A map, and the activation that every reader applies to it first.
///
/// In inference it is activated once for all readers; in training it is part of each reader's step of the gradient.
#[derive(Debug, Clone)]
pub struct SharedInput {
    map: Tensor,
    before: Activation,
    activated: OnceLock<Tensor>,
}

impl SharedInput {
    /// Of the map `[b, c, h, w]` in front of its activation.
    pub fn new(map: Tensor, before: Activation) -> Self {
        Self { map, before, activated: OnceLock::new() }
    }

    /// The map behind its activation.
    fn activated(&self) -> Result<&Tensor> {
        if let Some(map) = self.activated.get() {
            return Ok(map);
        }
        let map = self.before.forward(&self.map)?;
        Ok(self.activated.get_or_init(|| map))
    }

    /// What `chain` makes of it; an activation of its own in front does not count.
    ///
    /// # Errors
    /// As [`Chain::forward`].
    pub fn through(&self, chain: &Chain, mode: &Mode) -> Result<Tensor> {
        if mode.is_train() {
            return chain.clone().before(self.before).forward(&self.map, mode);
        }
        chain.clone().before(Activation::Identity).forward(self.activated()?, mode)
    }
}

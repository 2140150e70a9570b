//! Layers that know a mode, within models that know none.

use candle_core::{Module, ModuleT, Result, Tensor};

/// A [`ModuleT`] in evaluation, as a [`Module`]: for [`candle_nn::Sequential`] and the like.
#[derive(Debug, Clone)]
pub struct Evaluating<M>(pub M);

impl<M: ModuleT> Module for Evaluating<M> {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.0.forward_t(x, false)
    }
}

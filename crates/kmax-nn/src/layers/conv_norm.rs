//! Convolutions with the batch norm and activation that follow.

use super::batch_norm::{BatchNorm, BatchNormConfig};
use super::conv::{Conv2d, ConvConfig};
use crate::error::{Error, Result};
use crate::init::Init;
use crate::mode::Mode;
use crate::params::Params;
use candle_core::Tensor;
use kmax_kernels as kernels;
use kmax_kernels::{Activation, Factors};

/// A convolution, its batch norm and its activation.
///
/// Built from frozen parameters, the norm is folded into the kernel once; from trainable ones, it stays.
/// Parameters: those of [`Conv2d`] under the given prefix, those of [`BatchNorm`] under `norm`.
#[derive(Debug, Clone)]
pub struct ConvNorm {
    conv: Conv2d,
    norm: Option<BatchNorm>,
    activation: Activation,
}

impl ConvNorm {
    /// Reads the parameters.
    ///
    /// # Errors
    /// If one is missing or misshapen.
    pub fn new(
        config: ConvConfig,
        init: Init,
        norm: BatchNormConfig,
        activation: Activation,
        params: &Params,
    ) -> Result<Self> {
        let conv = Conv2d::open(config, init, params)?;
        let norm = BatchNorm::new(config.output, norm, &params.pp("norm"))?;
        Self::from_parts(conv, norm, activation, params.prepares())
    }

    /// From its parts; the norm is folded unless the layer will train.
    ///
    /// # Errors
    /// If Candle fails.
    pub(super) fn from_parts(
        conv: Conv2d,
        norm: BatchNorm,
        activation: Activation,
        factors: Option<Factors>,
    ) -> Result<Self> {
        let Some(factors) = factors else { return Ok(Self { conv, norm: Some(norm), activation }) };
        let (scale, offset) = norm.affine()?;
        Ok(Self { conv: conv.folded(&scale, &offset, factors)?, norm: None, activation })
    }

    /// Convolution, norm, activation of `x` `[b, in, h, w]`.
    ///
    /// # Errors
    /// If the shapes do not fit, or if a folded layer is asked to train.
    pub fn forward(&self, x: &Tensor, mode: &Mode) -> Result<Tensor> {
        self.forward_epilogue(x, None, self.activation, mode)
    }

    /// As [`Self::forward`], with `residual` (of the output's shape) added before the activation, and with
    /// `activation` in place of the layer's own: how a residual block ends.
    pub(super) fn forward_epilogue(
        &self,
        x: &Tensor,
        residual: Option<&Tensor>,
        activation: Activation,
        mode: &Mode,
    ) -> Result<Tensor> {
        let Some(norm) = &self.norm else {
            if mode.is_train() {
                let reason = "a layer with a folded batch norm cannot train";
                return Err(Error::Argument(reason.into()));
            }
            return self.conv.forward_epilogue(x, residual, activation);
        };
        let Some(residual) = residual else { return self.conv.forward_normed(x, norm, activation, mode) };
        let y = self.conv.forward_normed(x, norm, Activation::Identity, mode)?;
        Ok(activation.forward(&(y + residual)?)?)
    }

    /// Whether nothing follows its norm.
    pub(super) fn is_linear(&self) -> bool {
        self.activation == Activation::Identity
    }

    /// The norm and the layer as a link of the training step `mode`, unless it is folded.
    pub(super) fn link(&self, mode: &Mode) -> Option<(&BatchNorm, kernels::Link)> {
        let (kernel, bias, config) = self.conv.open_parts()?;
        let norm = self.norm.as_ref()?;
        let (gain, shift) = norm.parts();
        let link = kernels::Link {
            kernel: kernel.clone(),
            bias: bias.cloned(),
            params: config.params,
            gain: gain.clone(),
            shift: shift.clone(),
            step: norm.step(self.activation, mode),
        };
        Some((norm, link))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};

    #[test]
    fn folding_changes_nothing_but_the_rounding() -> Result<()> {
        let source = Params::trainable(None, 4, DType::F64, &Device::Cpu);
        let config = ConvConfig::new(3, 5, 3).stride(2);
        let build = |params: &Params| {
            ConvNorm::new(config, Init::Normal { std: 0.3 }, Default::default(), Activation::Relu, params)
        };
        let open = build(&source)?;
        let x =
            Tensor::from_vec(Init::Normal { std: 1.0 }.values("x", 1, 3 * 49), (1, 3, 7, 7), &Device::Cpu)?;
        open.forward(&x, &Mode::train(0))?;
        let values = source.parameters().into_iter().map(|p| (p.name, p.var.as_tensor().detach()));
        let frozen =
            Params::frozen(values.collect::<std::collections::HashMap<_, _>>(), DType::F64, &Device::Cpu);
        let folded = build(&frozen)?;
        let difference = (open.forward(&x, &Mode::eval())? - folded.forward(&x, &Mode::eval())?)?;
        assert!(difference.abs()?.max_all()?.to_scalar::<f64>()? < 1e-12);
        assert!(folded.forward(&x, &Mode::train(0)).is_err());
        Ok(())
    }
}

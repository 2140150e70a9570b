//! Convolutions, alone and with the batch norm and activation that follow.

use crate::{Activation, BatchNorm, BatchNormConfig, Init, Mode, Params, Result, Role, ops};
use candle_core::Tensor;

/// Shape of a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvConfig {
    /// Input channels.
    pub input: usize,
    /// Output channels.
    pub output: usize,
    /// Kernel height and width.
    pub kernel: (usize, usize),
    /// Stride of both axes.
    pub stride: usize,
    /// Zeros added above and below, left and right.
    pub padding: (usize, usize),
    /// Dilation of both axes.
    pub dilation: usize,
    /// Channel groups.
    pub groups: usize,
    /// Whether a bias is added.
    pub bias: bool,
}

impl ConvConfig {
    /// A `k x k` convolution, stride 1, padded to keep the size (odd `k`), no bias.
    pub fn new(input: usize, output: usize, k: usize) -> Self {
        let padding = ((k - 1) / 2, (k - 1) / 2);
        Self { input, output, kernel: (k, k), stride: 1, padding, dilation: 1, groups: 1, bias: false }
    }

    /// A depthwise `k x k` convolution that keeps the size, no bias.
    pub fn depthwise(channels: usize, k: usize) -> Self {
        Self { groups: channels, ..Self::new(channels, channels, k) }
    }

    /// With a stride.
    pub fn stride(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    /// With a dilation, padded to keep the size.
    pub fn dilation(self, dilation: usize) -> Self {
        let pad = |k: usize| dilation * (k - 1) / 2;
        Self { dilation, padding: (pad(self.kernel.0), pad(self.kernel.1)), ..self }
    }

    /// With another padding.
    pub fn padding(self, vertical: usize, horizontal: usize) -> Self {
        Self { padding: (vertical, horizontal), ..self }
    }

    /// With a bias.
    pub fn with_bias(self) -> Self {
        Self { bias: true, ..self }
    }

    fn kernel_shape(&self) -> [usize; 4] {
        [self.output, self.input / self.groups.max(1), self.kernel.0, self.kernel.1]
    }
}

/// A convolution, parameters `weight` `[out, in / groups, kh, kw]` and, if configured, `bias` `[out]`.
#[derive(Debug, Clone)]
pub struct Conv2d {
    weight: Weight,
    bias: Option<Tensor>,
    config: ConvConfig,
}

#[derive(Debug, Clone)]
enum Weight {
    /// As it is stored.
    Open(Tensor),
    /// Laid out for inference.
    Prepared(Box<ops::Prepared>),
}

impl Weight {
    /// Of `config`'s convolution, prepared unless it will train.
    fn new(weight: Tensor, config: &ConvConfig, trainable: bool) -> Result<Self> {
        let ConvConfig { stride, padding, dilation, groups, .. } = *config;
        if trainable {
            return Ok(Self::Open(weight));
        }
        let prepared = ops::Prepared::new(&weight, stride, padding, dilation, groups)?;
        Ok(prepared.map_or(Self::Open(weight), |prepared| Self::Prepared(Box::new(prepared))))
    }

    fn tensor(&self) -> Result<Tensor> {
        match self {
            Self::Open(weight) => Ok(weight.clone()),
            Self::Prepared(prepared) => prepared.kernel(),
        }
    }
}

impl Conv2d {
    /// Reads the parameters; `init` is for the kernel, a bias starts at zero.
    ///
    /// # Errors
    /// If one is missing or misshapen.
    pub fn new(config: ConvConfig, init: Init, params: &Params) -> Result<Self> {
        let Self { weight, bias, config } = Self::open(config, init, params)?;
        Self::from_tensors(weight.tensor()?, bias, config, params.is_trainable())
    }

    /// As [`Self::new`], but never prepared: something is still to be folded in.
    fn open(config: ConvConfig, init: Init, params: &Params) -> Result<Self> {
        let weight = params.get("weight", &config.kernel_shape(), init, Role::Kernel)?;
        let bias = match config.bias {
            true => Some(params.get("bias", &[config.output], Init::ZEROS, Role::Bias)?),
            false => None,
        };
        Self::from_tensors(weight, bias, config, true)
    }

    /// A 1x1 convolution with bias whose `weight` is stored as that of a linear layer, `[out, in]`.
    ///
    /// # Errors
    /// If a parameter is missing or misshapen.
    pub fn linear(input: usize, output: usize, init: Init, params: &Params) -> Result<Self> {
        let weight = params.get("weight", &[output, input], init, Role::Kernel)?;
        let bias = params.get("bias", &[output], Init::ZEROS, Role::Bias)?;
        let config = ConvConfig::new(input, output, 1).with_bias();
        // Not a reshape, which would copy the values of a probe.
        let weight = weight.unsqueeze(2)?.unsqueeze(3)?;
        Self::from_tensors(weight, Some(bias), config, params.is_trainable())
    }

    /// From tensors that already have the shapes of `config`.
    ///
    /// # Errors
    /// If Candle fails.
    pub(super) fn from_tensors(
        weight: Tensor,
        bias: Option<Tensor>,
        config: ConvConfig,
        trainable: bool,
    ) -> Result<Self> {
        Ok(Self { weight: Weight::new(weight, &config, trainable)?, bias, config })
    }

    /// Convolves `x` `[b, in, h, w]`.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.forward_activated(x, Activation::Identity)
    }

    /// Convolves, adds the bias and applies `activation` (one pass where the device has a kernel for it).
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn forward_activated(&self, x: &Tensor, activation: Activation) -> Result<Tensor> {
        self.forward_finished(x, None, activation)
    }

    /// Convolves, adds the bias and, if given, `residual` (of the shape of the output), applies `activation`: one
    /// pass over the output where no gradient is asked for.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn forward_finished(
        &self,
        x: &Tensor,
        residual: Option<&Tensor>,
        activation: Activation,
    ) -> Result<Tensor> {
        let ConvConfig { stride, padding, dilation, groups, .. } = self.config;
        let finish = ops::Finish { bias: self.bias.as_ref(), residual, activation };
        match &self.weight {
            Weight::Prepared(prepared) if !x.track_op() => prepared.conv2d_finished(x, finish),
            weight => ops::conv2d_finished(x, &weight.tensor()?, stride, padding, dilation, groups, finish),
        }
    }

    /// The kernel laid out for inference and the bias, if it has both.
    pub(super) fn prepared(&self) -> Option<(&ops::Prepared, &Tensor)> {
        match &self.weight {
            Weight::Prepared(prepared) => Some((prepared, self.bias.as_ref()?)),
            Weight::Open(_) => None,
        }
    }

    /// The kernel, as it is stored, and the bias, unless the layer is frozen.
    pub(super) fn open_parts(&self) -> Option<(&Tensor, Option<&Tensor>, &ConvConfig)> {
        match &self.weight {
            Weight::Open(weight) => Some((weight, self.bias.as_ref(), &self.config)),
            _ => None,
        }
    }

    /// Convolves, normalises and activates: one step of the gradient in training.
    fn forward_normed(
        &self,
        x: &Tensor,
        norm: &BatchNorm,
        activation: Activation,
        mode: &Mode,
    ) -> Result<Tensor> {
        // A convolution has no bias where a batch norm follows, as a rule.
        if !mode.is_train() || self.bias.is_some() {
            return norm.forward_activated(&self.forward(x)?, activation, mode);
        }
        let ConvConfig { stride, padding, dilation, groups, .. } = self.config;
        let weight = self.weight.tensor()?;
        norm.train_with(|gain, shift, eps| {
            let norm = (gain, shift, eps);
            ops::conv2d_norm_train(x, &weight, stride, padding, dilation, groups, norm, activation)
        })
    }

    /// The same convolution with its outputs times `scale` `[out]`, for inference.
    ///
    /// # Errors
    /// If the shape does not fit.
    pub fn scaled(&self, scale: &Tensor) -> Result<Self> {
        self.folded(scale, &scale.zeros_like()?)
    }

    /// The same convolution with `x * scale + offset` per output channel folded in.
    fn folded(&self, scale: &Tensor, offset: &Tensor) -> Result<Self> {
        let weight = self.weight.tensor()?.broadcast_mul(&scale.reshape(((), 1, 1, 1))?)?;
        let bias = match &self.bias {
            Some(bias) => ((bias * scale)? + offset)?,
            None => offset.clone(),
        };
        Self::from_tensors(weight, Some(bias), ConvConfig { bias: true, ..self.config }, false)
    }
}

/// A convolution, its batch norm and its activation.
///
/// Built from frozen parameters, the norm is folded into the kernel once; from trainable ones, it stays.
/// Parameters: those of [`Conv2d`] under the given prefix, those of [`BatchNorm`] under `norm`.
#[derive(Debug, Clone)]
pub struct ConvNorm {
    pub(super) conv: Conv2d,
    pub(super) norm: Option<BatchNorm>,
    pub(super) activation: Activation,
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
        Self::from_parts(conv, norm, activation, params.is_trainable())
    }

    /// From its parts; the norm is folded unless the layer will train.
    ///
    /// # Errors
    /// If Candle fails.
    pub(super) fn from_parts(
        conv: Conv2d,
        norm: BatchNorm,
        activation: Activation,
        trainable: bool,
    ) -> Result<Self> {
        if trainable {
            return Ok(Self { conv, norm: Some(norm), activation });
        }
        let (scale, offset) = norm.affine()?;
        Ok(Self { conv: conv.folded(&scale, &offset)?, norm: None, activation })
    }

    /// Convolution, norm, activation of `x` `[b, in, h, w]`.
    ///
    /// # Errors
    /// If the shapes do not fit, or if a folded layer is asked to train.
    pub fn forward(&self, x: &Tensor, mode: &Mode) -> Result<Tensor> {
        self.forward_finished(x, None, self.activation, mode)
    }

    /// As [`Self::forward`], with `residual` (of the output's shape) added before the activation, and with
    /// `activation` in place of the layer's own: how a residual block ends.
    ///
    /// # Errors
    /// As [`Self::forward`].
    pub fn forward_finished(
        &self,
        x: &Tensor,
        residual: Option<&Tensor>,
        activation: Activation,
        mode: &Mode,
    ) -> Result<Tensor> {
        let Some(norm) = &self.norm else {
            if mode.is_train() {
                let reason = "a layer with a folded batch norm cannot train";
                return Err(crate::Error::Argument(reason.into()));
            }
            return self.conv.forward_finished(x, residual, activation);
        };
        let Some(residual) = residual else { return self.conv.forward_normed(x, norm, activation, mode) };
        let y = self.conv.forward_normed(x, norm, Activation::Identity, mode)?;
        activation.forward(&(y + residual)?)
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

//! Convolutions.

use super::batch_norm::BatchNorm;
use crate::error::Result;
use crate::init::Init;
use crate::mode::Mode;
use crate::params::{Params, Role};
use candle_core::Tensor;
use kmax_kernels as kernels;
use kmax_kernels::{Activation, ConvParams, Factors};

/// Shape of a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvConfig {
    /// Input channels.
    pub input: usize,
    /// Output channels.
    pub output: usize,
    /// Kernel height and width.
    pub kernel: (usize, usize),
    /// Stride, padding, dilation and groups.
    pub params: ConvParams,
    /// Whether a bias is added.
    pub bias: bool,
    /// Whether its output stays in float32 where [`Factors::Bfloat16`] would make it a map in bfloat16: for what sums, exponentials and
    /// choices are made of. A residual's type wins, and a depthwise convolution keeps its input's.
    pub in_float32: bool,
}

impl ConvConfig {
    /// A `k x k` convolution, stride 1, padded to keep the size (odd `k`), no bias.
    pub fn new(input: usize, output: usize, k: usize) -> Self {
        let padding = ((k - 1) / 2, (k - 1) / 2);
        let params = ConvParams { padding, ..ConvParams::default() };
        Self { input, output, kernel: (k, k), params, bias: false, in_float32: false }
    }

    /// A depthwise `k x k` convolution that keeps the size, no bias.
    pub fn depthwise(channels: usize, k: usize) -> Self {
        let config = Self::new(channels, channels, k);
        Self { params: ConvParams { groups: channels, ..config.params }, ..config }
    }

    /// With a stride.
    pub fn stride(self, stride: usize) -> Self {
        Self { params: ConvParams { stride, ..self.params }, ..self }
    }

    /// With a dilation, padded to keep the size.
    pub fn dilation(self, dilation: usize) -> Self {
        let pad = |k: usize| dilation * (k - 1) / 2;
        let padding = (pad(self.kernel.0), pad(self.kernel.1));
        Self { params: ConvParams { dilation, padding, ..self.params }, ..self }
    }

    /// With another padding.
    pub fn padding(self, vertical: usize, horizontal: usize) -> Self {
        Self { params: ConvParams { padding: (vertical, horizontal), ..self.params }, ..self }
    }

    /// With a bias.
    pub fn with_bias(self) -> Self {
        Self { bias: true, ..self }
    }

    /// With its output in float32, whatever is multiplied.
    pub fn in_float32(self) -> Self {
        Self { in_float32: true, ..self }
    }

    fn kernel_shape(&self) -> [usize; 4] {
        [self.output, self.input / self.params.groups.max(1), self.kernel.0, self.kernel.1]
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
    Prepared(Box<kernels::Prepared>),
}

impl Weight {
    /// Of `config`'s convolution, prepared for such factors unless it will train.
    fn new(weight: Tensor, config: &ConvConfig, factors: Option<Factors>) -> Result<Self> {
        let Some(factors) = factors else { return Ok(Self::Open(weight)) };
        let prepared = kernels::Prepared::new(&weight, config.params, factors)?;
        let prepared =
            prepared.map(|prepared| if config.in_float32 { prepared.in_float32() } else { prepared });
        Ok(prepared.map_or(Self::Open(weight), |prepared| Self::Prepared(Box::new(prepared))))
    }

    fn tensor(&self) -> Result<Tensor> {
        match self {
            Self::Open(weight) => Ok(weight.clone()),
            Self::Prepared(prepared) => Ok(prepared.kernel()?),
        }
    }
}

impl Conv2d {
    /// Reads the parameters; `init` is for the kernel, a bias starts at zero.
    ///
    /// # Errors
    /// If one is missing or misshapen.
    pub fn new(config: ConvConfig, init: Init, params: &Params) -> Result<Self> {
        Self::open(config, init, params)?.prepared_for(params.prepares())
    }

    /// One that was opened, prepared for such factors unless it will train.
    pub(super) fn prepared_for(self, factors: Option<Factors>) -> Result<Self> {
        Self::from_tensors(self.weight.tensor()?, self.bias, self.config, factors)
    }

    /// As [`Self::new`], but never prepared: something is still to be folded in.
    pub(super) fn open(config: ConvConfig, init: Init, params: &Params) -> Result<Self> {
        let weight = params.get("weight", &config.kernel_shape(), init, Role::Kernel)?;
        let bias = if config.bias {
            Some(params.get("bias", &[config.output], Init::ZEROS, Role::Bias)?)
        } else {
            None
        };
        Self::from_tensors(weight, bias, config, None)
    }

    /// A 1x1 convolution with bias whose `weight` is stored as that of a linear layer, `[out, in]`.
    ///
    /// # Errors
    /// If a parameter is missing or misshapen.
    pub fn linear(input: usize, output: usize, init: Init, params: &Params) -> Result<Self> {
        Self::open_linear(input, output, init, params)?.prepared_for(params.prepares())
    }

    /// As [`Self::linear`], but never prepared.
    pub(super) fn open_linear(input: usize, output: usize, init: Init, params: &Params) -> Result<Self> {
        let weight = params.get("weight", &[output, input], init, Role::Kernel)?;
        let bias = params.get("bias", &[output], Init::ZEROS, Role::Bias)?;
        let config = ConvConfig::new(input, output, 1).with_bias();
        // Not a reshape, which would copy the values of a probe.
        let weight = weight.unsqueeze(2)?.unsqueeze(3)?;
        Self::from_tensors(weight, Some(bias), config, None)
    }

    /// From tensors that already have the shapes of `config`, prepared for such factors unless the layer will train.
    ///
    /// # Errors
    /// If Candle fails.
    pub(super) fn from_tensors(
        weight: Tensor,
        bias: Option<Tensor>,
        config: ConvConfig,
        factors: Option<Factors>,
    ) -> Result<Self> {
        Ok(Self { weight: Weight::new(weight, &config, factors)?, bias, config })
    }

    /// Convolves `x` `[b, in, h, w]`. On the CPU with [`Factors::Bfloat16`], maps may be in bfloat16 ([`ConvConfig::in_float32`]).
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.forward_activated(x, Activation::Identity)
    }

    /// Convolves, adds the bias and applies `activation`: one pass where no gradient is asked for.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn forward_activated(&self, x: &Tensor, activation: Activation) -> Result<Tensor> {
        self.forward_epilogue(x, None, activation)
    }

    /// Convolves, adds the bias and, if given, `residual` (of the shape of the output), applies `activation`: one
    /// pass over the output where no gradient is asked for.
    pub(super) fn forward_epilogue(
        &self,
        x: &Tensor,
        residual: Option<&Tensor>,
        activation: Activation,
    ) -> Result<Tensor> {
        let epilogue = kernels::Epilogue { bias: self.bias.as_ref(), residual, activation };
        Ok(match &self.weight {
            Weight::Prepared(prepared) if !x.track_op() => prepared.conv2d_epilogue(x, epilogue)?,
            weight => kernels::conv2d_epilogue(x, &weight.tensor()?, self.config.params, epilogue)?,
        })
    }

    /// The kernel laid out for inference and the bias, if it has both.
    pub(super) fn prepared(&self) -> Option<(&kernels::Prepared, &Tensor)> {
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

    /// The same with another kernel and bias, as they are stored.
    pub(super) fn with(&self, weight: Tensor, bias: Tensor) -> Self {
        Self { weight: Weight::Open(weight), bias: Some(bias), config: self.config }
    }

    /// Convolves, normalises and activates: one step of the gradient in training.
    pub(super) fn forward_normed(
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
        let weight = self.weight.tensor()?;
        norm.train_with(&norm.step(activation, mode), |affine, step| {
            Ok(kernels::conv2d_norm_train(x, &weight, self.config.params, affine, step)?)
        })
    }

    /// The same convolution with its outputs times `scale` `[out]`, for inference.
    ///
    /// # Errors
    /// If the shape does not fit.
    pub(super) fn scaled(&self, scale: &Tensor, factors: Factors) -> Result<Self> {
        self.folded(scale, &scale.zeros_like()?, factors)
    }

    /// The same convolution with `x * scale + offset` per output channel folded in, before anything is rounded.
    pub(super) fn folded(&self, scale: &Tensor, offset: &Tensor, factors: Factors) -> Result<Self> {
        let weight = self.weight.tensor()?.broadcast_mul(&scale.reshape(((), 1, 1, 1))?)?;
        let bias = match &self.bias {
            Some(bias) => ((bias * scale)? + offset)?,
            None => offset.clone(),
        };
        Self::from_tensors(weight, Some(bias), ConvConfig { bias: true, ..self.config }, Some(factors))
    }
}

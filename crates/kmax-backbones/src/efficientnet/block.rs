//! The inverted residual block, and convolutions padded as TensorFlow's `SAME`.

use super::config::Group;
use crate::error::Result;
use candle_core::Tensor;
use kmax_nn::{Activation, BatchNormConfig, Chain, ConvConfig, ConvNorm, DropPath, Init, Mode, Params};

/// A convolution of stride 2 with batch norm and ReLU6, padded as TensorFlow's `SAME`: as many zeros after as before at an
/// odd size, one more after than before at an even one.
#[derive(Debug)]
pub(crate) struct SameConv {
    symmetric: ConvNorm,
    /// The same parameters with no padding of its own.
    unpadded: ConvNorm,
    kernel: usize,
}

impl SameConv {
    /// A 3x3 convolution.
    pub(crate) fn full(input: usize, output: usize, norm: BatchNormConfig, params: &Params) -> Result<Self> {
        Self::new(ConvConfig::new(input, output, 3).in_float32(), norm, params)
    }

    fn new(config: ConvConfig, norm: BatchNormConfig, params: &Params) -> Result<Self> {
        let init = Init::he_fan_out(config.output, config.kernel, config.params.groups);
        let build = |config| ConvNorm::new(config, init, norm, Activation::Relu6, params);
        let config = config.stride(2);
        Ok(Self {
            symmetric: build(config)?,
            unpadded: build(config.padding(0, 0))?,
            kernel: config.kernel.0,
        })
    }

    /// The layer that does it all for maps of the size of `x`, if there is one.
    fn without_step(&self, x: &Tensor) -> Result<Option<&ConvNorm>> {
        let (_, _, height, width) = x.dims4()?;
        Ok((height % 2 == 1 && width % 2 == 1).then_some(&self.symmetric))
    }

    /// From `[b, in, h, w]` to `[b, out, ceil(h / 2), ceil(w / 2)]`.
    pub(crate) fn forward(&self, x: &Tensor, mode: &Mode) -> Result<Tensor> {
        if let Some(symmetric) = self.without_step(x)? {
            return Ok(symmetric.forward(x, mode)?);
        }
        let (_, _, height, width) = x.dims4()?;
        let pad = |size: usize| {
            let total = if size % 2 == 1 { self.kernel - 1 } else { self.kernel - 2 };
            (total / 2, total - total / 2)
        };
        let ((top, bottom), (left, right)) = (pad(height), pad(width));
        let padded = x.pad_with_zeros(2, top, bottom)?.pad_with_zeros(3, left, right)?;
        Ok(self.unpadded.forward(&padded, mode)?)
    }
}

#[derive(Debug)]
enum Depthwise {
    Plain(ConvNorm),
    Strided(SameConv),
}

/// 1x1 expansion, depthwise convolution, linear 1x1 projection; a residual where the shape stays (arXiv 1801.04381).
#[derive(Debug)]
pub(crate) struct Block {
    expand: Option<ConvNorm>,
    depthwise: Depthwise,
    project: ConvNorm,
    residual: bool,
    drop_path: DropPath,
}

impl Block {
    pub(crate) fn new(
        input: usize,
        group: &Group,
        stride: usize,
        drop_path: f64,
        norm: BatchNormConfig,
        params: &Params,
    ) -> Result<Self> {
        let inner = input * group.expand;
        let pointwise = |from, to, activation, name: &str| {
            let init = Init::he_fan_out(to, (1, 1), 1);
            // Maps in bfloat16 cost the built-in model half a point of PQ, and save little of a network as small as this.
            let conv = ConvConfig::new(from, to, 1).in_float32();
            ConvNorm::new(conv, init, norm, activation, &params.pp(name))
        };
        let expand = match group.expand {
            1 => None,
            _ => Some(pointwise(input, inner, Activation::Relu6, "expand")?),
        };
        let spatial = ConvConfig::depthwise(inner, group.kernel);
        let below = params.pp("depthwise");
        let depthwise = if stride == 2 {
            Depthwise::Strided(SameConv::new(spatial, norm, &below)?)
        } else {
            let init = Init::he_fan_out(inner, spatial.kernel, inner);
            Depthwise::Plain(ConvNorm::new(spatial, init, norm, Activation::Relu6, &below)?)
        };
        let project = pointwise(inner, group.output, Activation::Identity, "project")?;
        let residual = stride == 1 && input == group.output;
        Ok(Self { expand, depthwise, project, residual, drop_path: DropPath { rate: drop_path } })
    }

    pub(crate) fn forward(&self, x: &Tensor, mode: &Mode) -> Result<Tensor> {
        let depthwise = match &self.depthwise {
            Depthwise::Plain(conv) => Some(conv),
            Depthwise::Strided(conv) => conv.without_step(x)?,
        };
        if let Some(depthwise) = depthwise {
            let chain = match &self.expand {
                Some(expand) => Chain::new(expand).then(depthwise),
                None => Chain::new(depthwise),
            };
            let chain = chain.then(&self.project);
            let chain = if self.residual { chain.residual(None, self.drop_path) } else { chain };
            return Ok(chain.forward(x, mode)?);
        }
        let inner = match &self.expand {
            Some(expand) => expand.forward(x, mode)?,
            None => x.clone(),
        };
        let inner = match &self.depthwise {
            Depthwise::Plain(conv) => conv.forward(&inner, mode)?,
            Depthwise::Strided(conv) => conv.forward(&inner, mode)?,
        };
        // A stride leaves no residual.
        Ok(self.project.forward(&inner, mode)?)
    }
}

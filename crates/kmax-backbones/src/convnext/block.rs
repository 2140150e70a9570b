//! The ConvNeXt block.

use crate::Result;
use candle_core::Tensor;
use kmax_nn::{ChannelMlp, Conv2d, ConvConfig, DropPath, Init, LayerNorm, Mode, Params, Role};

/// How all kernels start (arXiv 2201.03545, and deeplab2).
pub(crate) const KERNEL: Init = Init::TruncatedNormal { std: 0.02 };

/// Depthwise 7x7 convolution, layer norm, 1x1 expansion by four, GELU, 1x1 projection, layer scale, drop path, shortcut.
///
/// Parameters: `depthwise`, `norm`, `expand`, `project` (both stored as linear layers), and the layer scale `scale`,
/// which is folded into `project` unless the block will train.
#[derive(Debug)]
pub struct Block {
    depthwise: Conv2d,
    mlp: ChannelMlp,
    scale: Option<Tensor>,
    drop_path: DropPath,
}

impl Block {
    /// Reads the parameters. `layer_scale` is the layer scale's initial value, 0 for none; `drop_path` the
    /// probability of dropping the branch in training; `eps` goes into the layer norm.
    ///
    /// # Errors
    /// If a parameter is missing or misshapen.
    pub fn new(dim: usize, layer_scale: f64, drop_path: f64, eps: f64, params: &Params) -> Result<Self> {
        let depthwise = ConvConfig::depthwise(dim, 7).with_bias();
        let mut scale = match layer_scale > 0.0 {
            true => Some(params.get("scale", &[dim], Init::Const(layer_scale), Role::Scale)?),
            false => None,
        };
        let mut project = Conv2d::linear(4 * dim, dim, KERNEL, &params.pp("project"))?;
        if !params.is_trainable()
            && let Some(scale) = scale.take()
        {
            project = project.scaled(&scale)?;
        }
        Ok(Self {
            depthwise: Conv2d::new(depthwise, KERNEL, &params.pp("depthwise"))?,
            mlp: ChannelMlp {
                norm: LayerNorm::new(dim, 1, eps, &params.pp("norm"))?,
                expand: Conv2d::linear(dim, 4 * dim, KERNEL, &params.pp("expand"))?,
                project,
            },
            scale,
            drop_path: DropPath { rate: drop_path },
        })
    }

    /// From `x` `[b, dim, h, w]` to the same shape.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn forward(&self, x: &Tensor, mode: &Mode) -> Result<Tensor> {
        let y = self.depthwise.forward(x)?;
        if self.scale.is_none() && !mode.is_train() {
            return Ok(self.mlp.forward_added(&y, x)?);
        }
        let y = self.mlp.forward(&y)?;
        let y = match &self.scale {
            Some(scale) => y.broadcast_mul(&scale.reshape((1, (), 1, 1))?)?,
            None => y,
        };
        Ok((self.drop_path.forward(&y, mode)? + x)?)
    }
}

//! The branch of a ConvNeXt block over channels.

use super::{Activation, Conv2d, LayerNorm};
use crate::{Result, ops};
use candle_core::Tensor;

/// Layer norm over the channels, 1x1 expansion, exact GELU, 1x1 projection.
#[derive(Debug, Clone)]
pub struct ChannelMlp {
    /// Over axis 1.
    pub norm: LayerNorm,
    /// The expansion.
    pub expand: Conv2d,
    /// Back to the channels of the input.
    pub project: Conv2d,
}

impl ChannelMlp {
    /// The branch of `x` `[b, c, h, w]`.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = self.expand.forward_activated(&self.norm.forward(x)?, Activation::Gelu)?;
        self.project.forward(&y)
    }

    /// `shortcut` plus the branch of `x`, both `[b, c, h, w]`: one pass where no gradient is asked for.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn forward_added(&self, x: &Tensor, shortcut: &Tensor) -> Result<Tensor> {
        if let (Some(expand), Some(project), Some((gain, shift, eps))) =
            (self.expand.prepared(), self.project.prepared(), self.norm.over_channels())
            && !x.track_op()
            && !shortcut.track_op()
            && let Some(y) = ops::mlp(x, shortcut, ops::Mlp { norm: (gain, shift), eps, expand, project })?
        {
            return Ok(y);
        }
        let y = self.expand.forward_activated(&self.norm.forward(x)?, Activation::Gelu)?;
        self.project.forward_finished(&y, Some(shortcut), Activation::Identity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Init, Params};
    use candle_core::{DType, Device};

    #[test]
    fn one_pass_equals_the_parts() -> Result<()> {
        for (dim, hidden, size, dtype, tolerance) in [
            (7, 20, (5, 9), DType::F64, 1e-12),
            (24, 800, (11, 13), DType::F64, 1e-12),
            (96, 384, (23, 31), DType::F32, 1e-5),
        ] {
            let build = |params: &Params| -> Result<ChannelMlp> {
                let init = Init::Normal { std: 0.2 };
                Ok(ChannelMlp {
                    norm: LayerNorm::new(dim, 1, 1e-6, &params.pp("norm"))?,
                    expand: Conv2d::linear(dim, hidden, init, &params.pp("expand"))?,
                    project: Conv2d::linear(hidden, dim, init, &params.pp("project"))?,
                })
            };
            let source = Params::trainable(None, 3, dtype, &Device::Cpu);
            let open = build(&source)?;
            let values = source.parameters().into_iter().map(|p| (p.name, p.var.as_tensor().detach()));
            let values = values.collect::<std::collections::HashMap<_, _>>();
            let frozen = build(&Params::frozen(values, dtype, &Device::Cpu))?;
            let map = |name: &str| -> Result<Tensor> {
                let values = Init::Normal { std: 1.0 }.values(name, 1, 2 * dim * size.0 * size.1);
                Ok(Tensor::from_vec(values, (2, dim, size.0, size.1), &Device::Cpu)?.to_dtype(dtype)?)
            };
            let (x, shortcut) = (map("x")?, map("shortcut")?);
            let expected = (open.forward(&x)? + &shortcut)?;
            for found in [frozen.forward_added(&x, &shortcut)?, open.forward_added(&x, &shortcut)?] {
                let apart =
                    (found - &expected)?.abs()?.max_all()?.to_dtype(DType::F64)?.to_scalar::<f64>()?;
                assert!(apart < tolerance * 10.0, "{apart}");
            }
            let other = map("x")?.narrow(1, 0, dim - 1)?;
            assert!(frozen.forward_added(&other, &other).is_err());
        }
        Ok(())
    }
}

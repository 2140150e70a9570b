//! The branch of a ConvNeXt block over channels.

use super::conv::Conv2d;
use super::drop_path::DropPath;
use super::layer_norm::LayerNorm;
use super::recomputed::recomputed;
use crate::error::Result;
use crate::init::Init;
use crate::mode::Mode;
use crate::params::{Params, Role};
use candle_core::Tensor;
use kmax_kernels as kernels;
use kmax_kernels::Activation;

/// Settings of a [`ChannelMlp`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChannelMlpConfig {
    /// Channels of input and output.
    pub channels: usize,
    /// Channels in between.
    pub hidden: usize,
    /// Added to the variance in the layer norm.
    pub eps: f64,
    /// Initial value of the layer scale; 0 for none.
    pub layer_scale: f64,
    /// Of the branch.
    pub drop_path: DropPath,
    /// How both kernels start.
    pub init: Init,
}

/// Layer norm over the channels, 1x1 expansion, exact GELU, 1x1 projection, layer scale, drop path, and a residual.
///
/// In inference all of it is one pass in which the expanded map never leaves the cache, and the layer scale is folded into
/// the projection. [`Mode::recomputing`] holds. Parameters: `norm`, `expand`, `project` (both stored as linear layers) and the layer scale `scale`
/// `[channels]`.
#[derive(Debug, Clone)]
pub struct ChannelMlp {
    norm: LayerNorm,
    expand: Conv2d,
    project: Conv2d,
    scale: Option<Tensor>,
    drop_path: DropPath,
}

impl ChannelMlp {
    /// Reads the parameters.
    ///
    /// # Errors
    /// If one is missing or misshapen.
    pub fn new(config: ChannelMlpConfig, params: &Params) -> Result<Self> {
        let ChannelMlpConfig { channels, hidden, eps, layer_scale, drop_path, init } = config;
        let mut scale = if layer_scale > 0.0 {
            Some(params.get("scale", &[channels], Init::Const(layer_scale), Role::Scale)?)
        } else {
            None
        };
        // Both products are one operation, of the same factors.
        let factors = params.prepares();
        let expand =
            Conv2d::open_linear(channels, hidden, init, &params.pp("expand"))?.prepared_for(factors)?;
        let project = Conv2d::open_linear(hidden, channels, init, &params.pp("project"))?;
        let project = match factors.and_then(|factors| Some((scale.take()?, factors))) {
            Some((scale, factors)) => project.scaled(&scale, factors)?,
            None => project.prepared_for(factors)?,
        };
        Ok(Self {
            norm: LayerNorm::new(channels, 1, eps, &params.pp("norm"))?,
            expand,
            project,
            scale,
            drop_path,
        })
    }

    /// `residual` plus the branch of `x`, both `[b, channels, h, w]`.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn forward(&self, x: &Tensor, residual: &Tensor, mode: &Mode) -> Result<Tensor> {
        if !mode.is_train() && self.scale.is_none() {
            return match self.fused(x, residual)? {
                Some(y) => Ok(y),
                None => {
                    self.project.forward_epilogue(&self.expanded(x)?, Some(residual), Activation::Identity)
                }
            };
        }
        let y = match self.tensors().filter(|_| mode.recomputes() && mode.is_train()) {
            Some(tensors) => {
                let layer = self.clone();
                recomputed(x, &tensors, move |x, tensors| layer.with(tensors).branch(x))?
            }
            None => self.branch(x)?,
        };
        Ok(kernels::add_maps(&self.drop_path.forward(&y, mode)?, residual)?)
    }

    fn branch(&self, x: &Tensor) -> Result<Tensor> {
        let y = self.project.forward(&self.expanded(x)?)?;
        match &self.scale {
            Some(scale) => Ok(y.broadcast_mul(&scale.reshape((1, (), 1, 1))?)?),
            None => Ok(y),
        }
    }

    /// What it learns, in the order of [`Self::with`]; `None` if it is frozen.
    fn tensors(&self) -> Option<Vec<Tensor>> {
        let [gain, shift] = self.norm.tensors();
        let mut tensors = vec![gain, shift];
        for layer in [&self.expand, &self.project] {
            let (weight, bias, _) = layer.open_parts()?;
            tensors.extend([weight.clone(), bias?.clone()]);
        }
        tensors.extend(self.scale.clone());
        Some(tensors)
    }

    /// The same with other values.
    fn with(&self, tensors: &[Tensor]) -> Self {
        let at = |place: usize| tensors[place].clone();
        Self {
            norm: self.norm.with([at(0), at(1)]),
            expand: self.expand.with(at(2), at(3)),
            project: self.project.with(at(4), at(5)),
            scale: self.scale.as_ref().map(|_| at(6)),
            drop_path: self.drop_path,
        }
    }

    fn expanded(&self, x: &Tensor) -> Result<Tensor> {
        self.expand.forward_activated(&self.norm.forward(x)?, Activation::Gelu)
    }

    /// In one pass, where no gradient is asked for and the device has a kernel.
    fn fused(&self, x: &Tensor, residual: &Tensor) -> Result<Option<Tensor>> {
        let (Some(expand), Some(project), Some((gain, shift, eps))) =
            (self.expand.prepared(), self.project.prepared(), self.norm.over_channels())
        else {
            return Ok(None);
        };
        // Maps in bfloat16 go through the parts.
        let single = [x, residual].iter().all(|map| map.dtype() == gain.dtype());
        if x.track_op() || residual.track_op() || !single {
            return Ok(None);
        }
        Ok(kernels::mlp(x, residual, kernels::Mlp { norm: (gain, shift), eps, expand, project })?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device, Var};
    use kmax_kernels::Factors;

    /// Result, gradient of the input and of each parameter.
    fn step(recomputes: bool, layer_scale: f64) -> Result<Vec<Vec<f64>>> {
        let config = ChannelMlpConfig {
            channels: 5,
            hidden: 12,
            eps: 1e-6,
            layer_scale,
            drop_path: DropPath { rate: 0.5 },
            init: Init::Normal { std: 0.4 },
        };
        let params = Params::trainable(None, 3, DType::F64, &Device::Cpu);
        let layer = ChannelMlp::new(config, &params)?;
        let values = Init::Normal { std: 1.0 }.values("x", 1, 4 * 5 * 42);
        let x = Var::from_tensor(&Tensor::from_vec(values, (4, 5, 6, 7), &Device::Cpu)?)?;
        // Something before and behind it, as in a network.
        let mode = Mode::train(2).recomputing(recomputes);
        let y = layer.forward(&x.sin()?, x.as_tensor(), &mode)?.sqr()?;
        let gradients = y.sum_all()?.backward()?;
        let mut found = vec![y, gradients.get(&x).expect("a gradient").clone()];
        for parameter in params.parameters() {
            found.push(gradients.get(&parameter.var).expect("a gradient").clone());
        }
        found.iter().map(|tensor| Ok(tensor.flatten_all()?.to_vec1()?)).collect()
    }

    #[test]
    fn what_is_computed_again_is_the_same() -> Result<()> {
        for layer_scale in [0.0, 0.7] {
            let kept = step(false, layer_scale)?;
            assert_eq!(kept.len(), if layer_scale > 0.0 { 9 } else { 8 });
            assert_eq!(step(true, layer_scale)?, kept);
        }
        Ok(())
    }

    #[test]
    fn both_products_have_the_same_factors() -> Result<()> {
        for layer_scale in [0.0, 0.7] {
            let config = ChannelMlpConfig {
                channels: 8,
                hidden: 32,
                eps: 1e-6,
                layer_scale,
                drop_path: DropPath::default(),
                init: Init::Normal { std: 0.2 },
            };
            let source = Params::trainable(None, 3, DType::F32, &Device::Cpu);
            ChannelMlp::new(config, &source)?;
            let values = source.parameters().into_iter().map(|p| (p.name, p.var.as_tensor().detach()));
            let values = values.collect::<std::collections::HashMap<_, _>>();
            let x = Tensor::arange(0f32, 8.0 * 35.0, &Device::Cpu)?.sin()?.reshape((1, 8, 5, 7))?;
            let found = |factors, exact: &[&str]| -> Result<Vec<f32>> {
                let params = Params::frozen(values.clone(), DType::F32, &Device::Cpu).with_factors(factors);
                let params = params.with_exact(exact.iter().map(|name| name.to_string()));
                let y = ChannelMlp::new(config, &params)?.forward(&x, &x, &Mode::eval())?;
                Ok(y.flatten_all()?.to_vec1()?)
            };
            let expected = found(Factors::Exact, &[])?;
            for name in ["expand.weight", "project.weight"] {
                assert_eq!(found(Factors::Int8, &[name])?, expected, "{name}");
            }
            assert_ne!(found(Factors::Int8, &[])?, expected);
        }
        Ok(())
    }

    #[test]
    fn one_pass_equals_the_parts() -> Result<()> {
        for (dim, hidden, size, dtype, tolerance) in [
            (7, 20, (5, 9), DType::F64, 1e-12),
            (24, 800, (11, 13), DType::F64, 1e-12),
            (96, 384, (23, 31), DType::F32, 1e-5),
        ] {
            let config = ChannelMlpConfig {
                channels: dim,
                hidden,
                eps: 1e-6,
                layer_scale: 0.7,
                drop_path: DropPath::default(),
                init: Init::Normal { std: 0.2 },
            };
            let build = |params: &Params| ChannelMlp::new(config, params);
            let source = Params::trainable(None, 3, dtype, &Device::Cpu);
            let open = build(&source)?;
            let values = source.parameters().into_iter().map(|p| (p.name, p.var.as_tensor().detach()));
            let values = values.collect::<std::collections::HashMap<_, _>>();
            let frozen = build(&Params::frozen(values, dtype, &Device::Cpu))?;
            let map = |name: &str| -> Result<Tensor> {
                let values = Init::Normal { std: 1.0 }.values(name, 1, 2 * dim * size.0 * size.1);
                Ok(Tensor::from_vec(values, (2, dim, size.0, size.1), &Device::Cpu)?.to_dtype(dtype)?)
            };
            let (x, residual, mode) = (map("x")?, map("residual")?, Mode::eval());
            let expected = open.forward(&x, &residual, &mode)?;
            for found in
                [frozen.forward(&x, &residual, &mode)?, open.forward(&x, &residual, &Mode::train(0))?]
            {
                let apart =
                    (found - &expected)?.abs()?.max_all()?.to_dtype(DType::F64)?.to_scalar::<f64>()?;
                assert!(apart < tolerance * 10.0, "{apart}");
            }
            let other = map("x")?.narrow(1, 0, dim - 1)?;
            assert!(frozen.forward(&other, &other, &mode).is_err());
        }
        Ok(())
    }
}

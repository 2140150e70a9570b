//! The branch of ConvNeXt's blocks as one Candle operation, for inference.

use super::Prepared;
use super::mlp::{Maps, Weights, forward};
use crate::cpu::{Float, Held, by_dtype, elements, hold, wrap};
use crate::error::{Error, Result};
use crate::matrix::{Bfloat16, Exact, Factor, Factors, Int8};
use crate::profile::{self, Label};
use candle_core::{CpuStorage, CustomOp2, Layout, Shape, Storage, Tensor, WithDType};
use std::ops::Deref;

/// Layer norm over the channels, 1x1 convolution, GELU, 1x1 convolution.
#[derive(Debug, Clone, Copy)]
pub struct Mlp<'a> {
    /// The norm's gain and shift, `[channels]`.
    pub norm: (&'a Tensor, &'a Tensor),
    /// Added to the variance.
    pub eps: f64,
    /// From `channels` to `hidden`, with its bias `[hidden]`.
    pub expand: (&'a Prepared, &'a Tensor),
    /// From `hidden` to `channels`, with its bias `[channels]`.
    pub project: (&'a Prepared, &'a Tensor),
}

/// `residual + mlp(x)` of maps `[b, c, h, w]` without gradient; `None` if a convolution is not 1x1, with stride 1 and no
/// padding.
///
/// # Errors
/// If the shapes or element types do not fit.
pub fn mlp(x: &Tensor, residual: &Tensor, mlp: Mlp) -> Result<Option<Tensor>> {
    let (Some(expand), Some(project)) = (mlp.expand.0.matrix(), mlp.project.0.matrix()) else {
        return Ok(None);
    };
    let (batch, channels, height, width) = x.dims4()?;
    let [hidden, _] = expand.1;
    let maps = Maps { batch, channels, hidden, area: height * width };
    let vectors =
        [(mlp.norm.0, channels), (mlp.norm.1, channels), (mlp.expand.1, hidden), (mlp.project.1, channels)];
    let fits = hidden > 0
        && residual.dims() == x.dims()
        && expand.1 == [hidden, channels]
        && project.1 == [channels, hidden]
        && vectors.iter().all(|(vector, len)| vector.dims() == [*len]);
    let factors = mlp.expand.0.factors();
    let fits = fits && mlp.project.0.factors() == factors;
    let vectors = vectors.map(|(vector, _)| vector);
    let types = [residual.dtype(), mlp.expand.0.dtype(), mlp.project.0.dtype()];
    if !fits || types.into_iter().chain(vectors.map(Tensor::dtype)).any(|dtype| dtype != x.dtype()) {
        let shapes = (x.shape(), residual.shape(), expand.1, project.1, x.dtype());
        return Err(Error::Argument(format!("mlp: shapes or element types do not fit: {shapes:?}")));
    }
    let [gain, shift, expand_bias, project_bias] = vectors.map(Tensor::contiguous);
    let op = Branch {
        maps,
        factors,
        eps: mlp.eps,
        gain: &gain?,
        shift: &shift?,
        expand: expand.0,
        expand_bias: &expand_bias?,
        project: project.0,
        project_bias: &project_bias?,
    };
    let label = |_: &Result<Tensor>| Label {
        operation: "norm, 1x1, 1x1".into(),
        shape: format!("{channels}-{hidden}-{channels} @{height}x{width}"),
        multiply_adds: (2 * channels * hidden * batch * maps.area) as f64,
        bytes: ((3 * batch * maps.area + 2 * hidden) * channels * x.dtype().size_in_bytes()) as f64,
    };
    let run = || Ok(x.contiguous()?.apply_op2_no_bwd(&residual.contiguous()?, &op)?);
    profile::operation(label, run).map(Some)
}

struct Branch<'a> {
    maps: Maps,
    factors: Factors,
    eps: f64,
    gain: &'a Tensor,
    shift: &'a Tensor,
    expand: &'a Tensor,
    expand_bias: &'a Tensor,
    project: &'a Tensor,
    project_bias: &'a Tensor,
}

impl Branch<'_> {
    fn weights<'a, T: Float, F: Factor<T>, G: Deref<Target = Storage>>(
        &self,
        held: &'a [Held<G>; 6],
    ) -> candle_core::Result<Weights<'a, T, F>>
    where
        F::Unit: WithDType,
    {
        let [gain, shift, expand, expand_bias, project, project_bias] = held;
        Ok(Weights {
            gain: gain.elements()?,
            shift: shift.elements()?,
            eps: T::of(self.eps),
            expand: expand.elements()?,
            expand_bias: expand_bias.elements()?,
            project: project.elements()?,
            project_bias: project_bias.elements()?,
        })
    }

    /// In float32, with rounded factors.
    fn rounded<F: Factor<f32, Unit = u32>>(
        &self,
        held: &[Held<impl Deref<Target = Storage>>; 6],
        (x, l1): (&CpuStorage, &Layout),
        (residual, l2): (&CpuStorage, &Layout),
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let weights = self.weights::<f32, F, _>(held)?;
        let (x, residual) = (elements(x, l1)?, elements(residual, l2)?);
        wrap((forward(x, residual, &weights, self.maps), l1.shape().clone()))
    }
}

impl CustomOp2 for Branch<'_> {
    fn name(&self) -> &'static str {
        "mlp"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        l1: &Layout,
        residual: &CpuStorage,
        l2: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let held =
            [self.gain, self.shift, self.expand, self.expand_bias, self.project, self.project_bias].map(hold);
        match self.factors {
            Factors::Exact => {}
            Factors::Bfloat16 => return self.rounded::<Bfloat16>(&held, (x, l1), (residual, l2)),
            Factors::Int8 => return self.rounded::<Int8>(&held, (x, l1), (residual, l2)),
        }
        by_dtype!(x, T => {
            let (x, residual) = (elements::<T>(x, l1)?, elements::<T>(residual, l2)?);
            let weights = self.weights::<T, Exact, _>(&held)?;
            (forward(x, residual, &weights, self.maps), l1.shape().clone())
        })
    }
}

//! Kernels with what stands before and behind them folded in.

use crate::error::{Error, Result};
use crate::graph::{Constant, Element, Graph, Value};
use candle_core::{DType, Tensor};
use kmax_nn::{BatchNorm, BatchNormConfig, Init, Params, Role};

/// The largest number of half precision.
const LARGEST_HALF: f64 = 65504.0;

/// The kernel of a linear layer `[out, ...]` and its bias `[out]`, in double precision until the last of all is folded in.
pub struct Folded {
    pub weight: Vec<f64>,
    pub dims: Vec<usize>,
    pub bias: Vec<f64>,
}

/// A tensor's values.
fn values(tensor: &Tensor) -> Result<Vec<f64>> {
    Ok(tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?)
}

/// A batch norm as `x * scale + offset` per channel: what the frozen layers fold as well.
pub fn batch_norm(channels: usize, norm: BatchNormConfig, params: &Params) -> Result<(Vec<f64>, Vec<f64>)> {
    let (scale, offset) = BatchNorm::new(channels, norm, params)?.affine()?;
    Ok((values(&scale)?, values(&offset)?))
}

impl Folded {
    /// The parameters `weight` of that shape and, if there is one, `bias`.
    pub fn read(dims: &[usize], bias: bool, params: &Params) -> Result<Self> {
        let weight = values(&params.get("weight", dims, Init::ZEROS, Role::Kernel)?)?;
        let output = dims.first().copied().unwrap_or_default();
        let bias = if bias {
            values(&params.get("bias", &[output], Init::ZEROS, Role::Bias)?)?
        } else {
            vec![0.0; output]
        };
        Ok(Self { weight, dims: dims.into(), bias })
    }

    /// With the norm that follows, whose parameters stand under `norm`.
    pub fn normed(self, norm: BatchNormConfig, params: &Params) -> Result<Self> {
        let (scale, offset) = batch_norm(self.bias.len(), norm, &params.pp("norm"))?;
        Ok(self.then(&scale, &offset))
    }

    /// With `x * scale + offset` of each output.
    pub fn then(mut self, scale: &[f64], offset: &[f64]) -> Self {
        let row = self.weight.len() / self.bias.len().max(1);
        for (row, scale) in self.weight.chunks_exact_mut(row.max(1)).zip(scale) {
            row.iter_mut().for_each(|weight| *weight *= scale);
        }
        for ((bias, scale), offset) in self.bias.iter_mut().zip(scale).zip(offset) {
            *bias = *bias * scale + offset;
        }
        self
    }

    /// With `x * scale + offset` of each input, where every output sees each input once: a 1x1 kernel.
    pub fn after(mut self, scale: &[f64], offset: &[f64]) -> Self {
        for (row, bias) in self.weight.chunks_exact_mut(scale.len().max(1)).zip(&mut self.bias) {
            for ((weight, scale), offset) in row.iter_mut().zip(scale).zip(offset) {
                *bias += *weight * offset;
                *weight *= scale;
            }
        }
        self
    }

    /// Writes both into the graph, under the names of the parameters.
    pub fn write(&self, g: &mut Graph, params: &Params) -> Result<[Value; 2]> {
        let weight = parameter(g, &params.path("weight"), &self.dims, &self.weight)?;
        let bias = parameter(g, &params.path("bias"), &[self.bias.len()], &self.bias)?;
        Ok([weight, bias])
    }
}

/// A constant in the precision of the network.
pub fn parameter(g: &mut Graph, name: &str, dims: &[usize], values: &[f64]) -> Result<Value> {
    if g.float() == Element::F16
        && let Some(value) = values.iter().find(|value| value.abs() > LARGEST_HALF)
    {
        return Err(Error::TooLargeForHalf { name: name.into(), value: *value });
    }
    let constant = Constant::floats(g.float(), dims, values);
    Ok(g.parameter(name, constant))
}

//! What an optimizer keeps beside a parameter.

use candle_core::{Device, Tensor};
use kmax_nn::Result;

/// Values of a parameter's shape, where they are worked on.
#[derive(Debug)]
pub(super) enum Kept {
    /// None are kept.
    Nothing,
    /// Beside a parameter on the CPU, for passes of our own.
    Host(Vec<f32>),
    /// Beside one elsewhere, for Candle's operations: nothing of it comes to the CPU in a step.
    Device(Tensor),
}

impl Kept {
    /// A copy of `tensor`'s values.
    pub(super) fn copy(tensor: &Tensor) -> Result<Self> {
        if kmax_kernels::runs_kernels(tensor.device()) {
            return Ok(Self::Host(tensor.flatten_all()?.to_vec1()?));
        }
        Ok(Self::Device(tensor.detach().copy()?))
    }

    /// As many zeros.
    pub(super) fn zeros(tensor: &Tensor) -> Result<Self> {
        if kmax_kernels::runs_kernels(tensor.device()) {
            return Ok(Self::Host(vec![0.0; tensor.elem_count()]));
        }
        Ok(Self::Device(tensor.zeros_like()?.detach()))
    }

    /// The values on the CPU, in the shape of their parameter; `None` if there are none.
    pub(super) fn on_cpu(&self, parameter: &Tensor) -> Result<Option<Tensor>> {
        Ok(match self {
            Self::Nothing => None,
            Self::Host(values) => Some(Tensor::from_slice(values, parameter.shape(), &Device::Cpu)?),
            Self::Device(values) => Some(values.to_device(&Device::Cpu)?),
        })
    }

    /// The same as `values`, which has the shape of the parameter.
    pub(super) fn taken(&self, parameter: &Tensor, values: &Tensor) -> Result<Self> {
        Ok(match self {
            Self::Nothing => Self::Nothing,
            Self::Host(_) => Self::Host(values.flatten_all()?.to_vec1()?),
            Self::Device(_) => Self::Device(values.to_device(parameter.device())?),
        })
    }

    /// Moves the values towards those of `weights`, by this share of the way.
    pub(super) fn follow(&mut self, weights: &Tensor, share: f64) -> Result<()> {
        match self {
            Self::Nothing => {}
            Self::Host(average) => {
                let weights = weights.flatten_all()?.to_vec1::<f32>()?;
                let share = share as f32;
                for (average, weight) in average.iter_mut().zip(weights) {
                    *average += (weight - *average) * share;
                }
            }
            Self::Device(average) => {
                *average = (&*average + ((weights.detach() - &*average)? * share)?)?;
            }
        }
        Ok(())
    }
}

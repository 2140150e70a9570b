//! A convolution, its batch norm and its activation as a part of a larger operation.

use super::geometry::Geometry;
use super::norm_op::{Plain, input_gradient, kernel_gradient};
use super::params::ConvParams;
use crate::cpu::{Float, hold};
use crate::error::Error;
use crate::norm::{NormStep, Train};
use candle_core::{Result, Tensor};

/// A convolution of a chain, its batch norm and its activation.
#[derive(Debug, Clone)]
pub struct Link {
    /// `[o, c / groups, kh, kw]`.
    pub kernel: Tensor,
    /// Added per output channel, `[o]`. The norm takes it away again: it moves the statistics alone, and its gradient is 0.
    pub bias: Option<Tensor>,
    /// Stride, padding, dilation and groups.
    pub params: ConvParams,
    /// Gain of the norm, `[o]`.
    pub gain: Tensor,
    /// Shift of the norm, `[o]`.
    pub shift: Tensor,
    /// The norm, and the activation behind it.
    pub step: NormStep,
}

impl Link {
    /// The same without history.
    pub(super) fn plain(&self) -> Result<Self> {
        let plain = |tensor: &Tensor| tensor.detach().contiguous();
        let (kernel, gain, shift) = (plain(&self.kernel)?, plain(&self.gain)?, plain(&self.shift)?);
        let bias = self.bias.as_ref().map(plain).transpose()?;
        Ok(Self { kernel, bias, gain, shift, ..self.clone() })
    }

    /// What has a gradient, in the order of [`Stage::backward`].
    pub(super) fn tensors(&self) -> impl Iterator<Item = &Tensor> {
        [&self.kernel, &self.gain, &self.shift].into_iter().chain(&self.bias)
    }

    /// Elements of all of these.
    pub(super) fn len(&self) -> usize {
        self.tensors().map(Tensor::elem_count).sum()
    }
}

/// What a link's backward pass reads.
pub(super) struct Stage {
    pub geometry: Geometry,
    pub input: Tensor,
    /// The output of the convolution, without a bias.
    sums: Tensor,
    train: Train,
}

impl Stage {
    pub(super) fn new(input: Tensor, link: &Link) -> crate::error::Result<Self> {
        let Link { kernel, bias, params, gain, shift, step } = link;
        let geometry = Geometry::new(&input, kernel, *params)?;
        let mut rows = [gain, shift].into_iter().chain(bias);
        if rows.any(|row| row.dims() != [geometry.output]) {
            let reason = "conv_norm_chain: gain, shift or bias does not fit the kernel";
            return Err(Error::Argument(reason.into()));
        }
        let sums = input.apply_op2_no_bwd(kernel, &Plain(geometry))?;
        let train = Train::new(&sums, step)?;
        Ok(Self { geometry, input, sums, train })
    }

    /// The sums normalised and activated.
    pub(super) fn output<T: Float>(&self, link: &Link) -> Result<Vec<T>> {
        let (sums, gain, shift) = (hold(&self.sums), hold(&link.gain), hold(&link.shift));
        Ok(self.train.forward(sums.elements::<T>()?, gain.elements()?, shift.elements()?))
    }

    /// Mean and biased variance of each channel, and the number of values that they are taken of.
    pub(super) fn statistics(&self, link: &Link) -> crate::error::Result<(Tensor, Tensor, usize)> {
        let (mut mean, variance) = self.train.statistics(&self.sums)?;
        if let Some(bias) = &link.bias {
            mean = (mean + bias)?;
        }
        let images = self.geometry.batch * link.step.ranks.size();
        Ok((mean, variance, images * self.geometry.out_area()))
    }

    /// Writes the gradients of the link's tensors one after the other, for that of the result; gives that of the input, if
    /// it is wanted.
    pub(super) fn backward<T: Float>(
        &self,
        link: &Link,
        grad: &[T],
        wanted: bool,
        of_link: &mut [T],
    ) -> Result<Option<Vec<T>>> {
        let (sums, input, kernel) = (hold(&self.sums), hold(&self.input), hold(&link.kernel));
        let (gain, shift) = (hold(&link.gain), hold(&link.shift));
        let affine = (gain.elements::<T>()?, shift.elements()?);
        let (inner, of_gain, of_shift) = self.train.backward(sums.elements()?, affine, grad)?;
        let of_kernel = kernel_gradient(input.elements()?, &inner, &self.geometry);
        let mut rest = of_link;
        for row in [of_kernel, of_gain, of_shift] {
            let (to, later) = rest.split_at_mut(row.len());
            to.copy_from_slice(&row);
            rest = later;
        }
        rest.fill(T::ZERO);
        Ok(if wanted { Some(input_gradient(&inner, kernel.elements()?, &self.geometry)) } else { None })
    }
}

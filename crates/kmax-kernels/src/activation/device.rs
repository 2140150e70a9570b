//! Activations on GPUs, with what else is done in the same pass over a map.

use super::Activation;
use crate::error::{Error, Result};
use crate::gpu::{Launch, Module, attached, one_launched};
use candle_core::Tensor;

impl Activation {
    /// The number by which kernels know it.
    pub(crate) fn number(self) -> usize {
        match self {
            Self::Identity => 0,
            Self::Relu => 1,
            Self::Relu6 => 2,
            Self::Gelu => 3,
        }
    }
}

/// What is done to each element of `[batch, channels, …]`, in this order.
#[derive(Default)]
pub(crate) struct Pass<'a> {
    /// A factor for each channel.
    pub scale: Option<&'a Tensor>,
    /// Added for each channel.
    pub bias: Option<&'a Tensor>,
    /// Added, of the shape of the whole.
    pub residual: Option<&'a Tensor>,
    /// Last.
    pub activation: Activation,
}

impl Pass<'_> {
    fn is_nothing(&self) -> bool {
        self.scale.is_none()
            && self.bias.is_none()
            && self.residual.is_none()
            && self.activation == Activation::Identity
    }

    /// Of `x`, which is contiguous; without gradient.
    pub(crate) fn run(&self, x: &Tensor) -> Result<Tensor> {
        if self.is_nothing() {
            return Ok(x.clone());
        }
        let channels = x.dims().get(1).copied().unwrap_or(1);
        let area = x.dims().iter().skip(2).product();
        let fits =
            |t: Option<&Tensor>, dims: &[usize]| t.is_none_or(|t| t.dims() == dims && t.dtype() == x.dtype());
        if !fits(self.scale, &[channels]) || !fits(self.bias, &[channels]) || !fits(self.residual, x.dims()) {
            let found = [self.scale, self.bias, self.residual].map(|t| t.map(|t| (t.dims(), t.dtype())));
            return Err(Error::Argument(format!("{found:?} do not fit {:?} of {:?}", x.dims(), x.dtype())));
        }
        let given = |t: Option<&Tensor>| t.map(Tensor::contiguous).transpose();
        let (scale, bias, residual) = (given(self.scale)?, given(self.bias)?, given(self.residual)?);
        let has = |t: &Option<Tensor>| usize::from(t.is_some());
        let launch = Launch::of_threads(Module::Epilogue, "epilogue", x.elem_count())
            .ints([x.elem_count(), channels, area])
            .ints([has(&scale), has(&bias), has(&residual), self.activation.number()]);
        // What is not there is not read.
        let or_x = |t: &Option<Tensor>| t.clone().unwrap_or_else(|| x.clone());
        one_launched(&launch, &[x, &or_x(&scale), &or_x(&bias), &or_x(&residual)], x.shape())
    }
}

/// The activation alone, with its gradient.
pub(super) fn activated(x: &Tensor, activation: Activation) -> Result<Tensor> {
    let x = x.contiguous()?;
    if !x.track_op() {
        return Pass { activation, ..Pass::default() }.run(&x);
    }
    let count = x.elem_count();
    let forward = Launch::of_threads(Module::Epilogue, "epilogue", count).ints([
        count,
        1,
        1,
        0,
        0,
        0,
        activation.number(),
    ]);
    attached(&forward, &[&x, &x, &x, &x], x.shape(), (&x, &x), move |x, _, grad| {
        let backward = Launch::of_threads(Module::Epilogue, "activation_gradient", count)
            .ints([count, activation.number()]);
        Ok((Some(one_launched(&backward, &[x, grad], x.shape())?), None))
    })
}

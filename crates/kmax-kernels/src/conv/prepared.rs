//! Kernels laid out once for many convolutions.

use super::dense_op::{Form, Packing};
use super::geometry::Geometry;
use super::params::ConvParams;
use super::{Epilogue, winograd, with_epilogue};
use crate::cpu::{has_kernel, hold, with_dtype};
use crate::error::{Error, Result};
use crate::matrix::unpack;
use candle_core::Tensor;
use std::sync::OnceLock;

/// The kernel of a dense convolution, laid out for inference on the CPU.
///
/// For 3x3, stride 1, that is Winograd's form, four times as large and a quarter of the products, unless the environment
/// variable `KMAX_WINOGRAD` is `off`.
#[derive(Debug, Clone)]
pub struct Prepared {
    values: Tensor,
    packing: Packing,
    /// Where `values` do not tell it exactly.
    kernel: Option<Tensor>,
    shape: (usize, usize, usize, usize),
    params: ConvParams,
}

impl Prepared {
    /// Of a kernel `[o, c, kh, kw]`; `None` for more than one group and on other devices.
    ///
    /// # Errors
    /// If the kernel has not four axes.
    pub fn new(kernel: &Tensor, params: ConvParams) -> Result<Option<Self>> {
        static WINOGRAD: OnceLock<bool> = OnceLock::new();
        let on = *WINOGRAD.get_or_init(|| std::env::var("KMAX_WINOGRAD").as_deref() != Ok("off"));
        if params.groups != 1 || !has_kernel(kernel) {
            return Ok(None);
        }
        let kernel = kernel.contiguous()?;
        let packing =
            if on && winograd::pays(kernel.dims(), params) { Packing::Winograd } else { Packing::Direct };
        Ok(Some(Self {
            values: kernel.apply_op1_no_bwd(&packing)?,
            packing,
            shape: kernel.dims4()?,
            kernel: (packing == Packing::Winograd).then_some(kernel),
            params,
        }))
    }

    /// As [`super::conv2d_epilogue`], without gradient.
    ///
    /// # Errors
    /// If the shapes do not fit or `input` is of another element type.
    pub fn conv2d_epilogue(&self, input: &Tensor, epilogue: Epilogue) -> Result<Tensor> {
        if input.dtype() != self.values.dtype() {
            let found = (input.dtype(), self.values.dtype());
            return Err(Error::Argument(format!(
                "conv2d: input and kernel differ in element type: {found:?}"
            )));
        }
        let geometry = Geometry::of(input, self.shape, self.params)?;
        with_epilogue(input, &self.values, geometry, Form::Packed(self.packing), epilogue)
    }

    /// Of a 1x1 convolution without stride and padding: its packed values, and outputs and inputs of the matrix that they are.
    pub(super) fn matrix(&self) -> Option<(&Tensor, [usize; 2])> {
        let (outputs, inputs, height, width) = self.shape;
        let ConvParams { stride, padding, .. } = self.params;
        let plain = (height, width, stride, padding) == (1, 1, 1, (0, 0));
        (plain && self.packing == Packing::Direct).then_some((&self.values, [outputs, inputs]))
    }

    /// The kernel as it was given.
    ///
    /// # Errors
    /// If Candle fails.
    pub fn kernel(&self) -> Result<Tensor> {
        if let Some(kernel) = &self.kernel {
            return Ok(kernel.clone());
        }
        let (output, input, kh, kw) = self.shape;
        let held = hold(&self.values);
        let kernel = with_dtype!(self.values, T => {
            let values = unpack(held.elements::<T>()?, output, input * kh * kw);
            Tensor::from_vec(values, self.shape, self.values.device())
        });
        Ok(kernel?)
    }
}

//! Kernels laid out once for many convolutions.

use super::dense_op::{Form, Packing, Rounded};
use super::geometry::Geometry;
use super::params::ConvParams;
use super::{Epilogue, winograd, with_epilogue};
use crate::cpu::{has_kernel, hold, with_dtype};
use crate::error::{Error, Result};
use crate::matrix::{Bfloat16, Exact, Factor, Factors, Int8};
use candle_core::{DType, Device, Tensor, WithDType};
use std::sync::OnceLock;

/// The kernel of a dense convolution, laid out for inference on the CPU.
///
/// For 3x3, stride 1, that is Winograd's form, four times as large and a quarter of the products, unless the environment
/// variable `KMAX_WINOGRAD` is `off`. Its factors are never rounded: a quarter of the products is less than half of them, and
/// in bfloat16 its rounding would be five times that of the direct form.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// Units of the factors: rounded ones as integers.
    values: Tensor,
    factors: Factors,
    packing: Packing,
    /// Where `values` do not tell it exactly.
    kernel: Option<Tensor>,
    shape: (usize, usize, usize, usize),
    params: ConvParams,
}

impl Prepared {
    /// Of a kernel `[o, c, kh, kw]`; `None` for more than one group and on other devices. What is multiplied is held as `factors`
    /// say, inputs too, but in Winograd's form and of another type than float32.
    ///
    /// # Errors
    /// If the kernel has not four axes.
    pub fn new(kernel: &Tensor, params: ConvParams, factors: Factors) -> Result<Option<Self>> {
        static WINOGRAD: OnceLock<bool> = OnceLock::new();
        let on = *WINOGRAD.get_or_init(|| std::env::var("KMAX_WINOGRAD").as_deref() != Ok("off"));
        if params.groups != 1 || !has_kernel(kernel) {
            return Ok(None);
        }
        let kernel = kernel.contiguous()?;
        let packing =
            if on && winograd::pays(kernel.dims(), params) { Packing::Winograd } else { Packing::Direct };
        let shape = kernel.dims4()?;
        let rounds = packing == Packing::Direct && kernel.dtype() == DType::F32;
        let factors = if rounds { factors } else { Factors::Exact };
        let (held, depth) = (hold(&kernel), shape.1 * shape.2 * shape.3);
        let values = match factors {
            Factors::Bfloat16 => list(Bfloat16::pack(held.elements::<f32>()?, shape.0, depth))?,
            Factors::Int8 => list(Int8::pack(held.elements::<f32>()?, shape.0, depth))?,
            Factors::Exact => with_dtype!(kernel, T => list(packing.packed(held.elements::<T>()?, shape)))?,
        };
        drop(held);
        let kernel = (packing == Packing::Winograd).then_some(kernel);
        Ok(Some(Self { values, factors, packing, shape, kernel, params }))
    }

    /// As [`super::conv2d_epilogue`], without gradient.
    ///
    /// # Errors
    /// If the shapes do not fit or `input` is of another element type.
    pub fn conv2d_epilogue(&self, input: &Tensor, epilogue: Epilogue) -> Result<Tensor> {
        if input.dtype() != self.dtype() {
            let found = (input.dtype(), self.dtype());
            return Err(Error::Argument(format!(
                "conv2d: input and kernel differ in element type: {found:?}"
            )));
        }
        let geometry = Geometry::of(input, self.shape, self.params)?;
        let form = match self.factors {
            Factors::Exact => Form::Packed(self.packing),
            Factors::Bfloat16 => Form::Rounded(Rounded::Bfloat16),
            Factors::Int8 => Form::Rounded(Rounded::Int8),
        };
        with_epilogue(input, &self.values, geometry, form, epilogue)
    }

    /// Element type of inputs and outputs.
    pub fn dtype(&self) -> DType {
        match self.factors {
            Factors::Exact => self.values.dtype(),
            _ => DType::F32,
        }
    }

    /// What is multiplied.
    pub fn factors(&self) -> Factors {
        self.factors
    }

    /// Of a 1x1 convolution without stride and padding: its packed values, and outputs and inputs of the matrix that they are.
    pub(super) fn matrix(&self) -> Option<(&Tensor, [usize; 2])> {
        let (outputs, inputs, height, width) = self.shape;
        let ConvParams { stride, padding, .. } = self.params;
        let plain = (height, width, stride, padding) == (1, 1, 1, (0, 0));
        (plain && self.packing == Packing::Direct).then_some((&self.values, [outputs, inputs]))
    }

    /// The kernel as it was given; rounded, if its factors are.
    ///
    /// # Errors
    /// If Candle fails.
    pub fn kernel(&self) -> Result<Tensor> {
        if let Some(kernel) = &self.kernel {
            return Ok(kernel.clone());
        }
        let (output, input, kh, kw) = self.shape;
        let (held, depth, device) = (hold(&self.values), input * kh * kw, self.values.device());
        let rounded = match self.factors {
            Factors::Exact => None,
            Factors::Bfloat16 => Some(Bfloat16::unpack(held.elements::<u32>()?, output, depth)),
            Factors::Int8 => Some(Int8::unpack(held.elements::<u32>()?, output, depth)),
        };
        if let Some(values) = rounded {
            return Ok(Tensor::from_vec(values, self.shape, device)?);
        }
        let kernel = with_dtype!(self.values, T => {
            Tensor::from_vec(<Exact as Factor<T>>::unpack(held.elements::<T>()?, output, depth), self.shape, device)
        });
        Ok(kernel?)
    }
}

fn list<T: WithDType>(values: Vec<T>) -> candle_core::Result<Tensor> {
    let len = values.len();
    Tensor::from_vec(values, len, &Device::Cpu)
}

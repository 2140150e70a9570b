//! Kernels laid out once for many convolutions.

use super::dense_op::{Form, Packing, Rounded};
use super::geometry::Geometry;
use super::halved::halved;
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
/// variable `KMAX_WINOGRAD` is `off`. Its factors are multiplied in float32 always: a quarter of the products is less than half of them, and
/// in bfloat16 its rounding would be five times that of the direct form. Beside rounded factors its values are held in half precision.
///
/// With [`Factors::Bfloat16`] its outputs are maps in bfloat16, unless it was made [`Self::in_float32`]. A residual's type wins over both.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// Units of the factors: rounded ones as integers.
    values: Tensor,
    factors: Factors,
    /// Whether inputs may be in bfloat16.
    reads_rounded: bool,
    /// Whether outputs are, without a residual that says otherwise.
    rounds: bool,
    packing: Packing,
    /// Of `values` in half precision: they are times 2 to this.
    exponent: Option<i32>,
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
        let single = kernel.dtype() == DType::F32;
        let (asked, reads_rounded) = (factors, single && factors == Factors::Bfloat16);
        let factors = if packing == Packing::Direct && single { factors } else { Factors::Exact };
        let (held, depth) = (hold(&kernel), shape.1 * shape.2 * shape.3);
        let halves = if packing == Packing::Winograd && single && asked != Factors::Exact {
            halved(&packing.packed(held.elements::<f32>()?, shape))
        } else {
            None
        };
        let exponent = halves.as_ref().map(|(_, exponent)| *exponent);
        let values = match (factors, halves) {
            (Factors::Exact, Some((values, _))) => list(values)?,
            (Factors::Exact, None) => {
                with_dtype!(kernel, T => list(packing.packed(held.elements::<T>()?, shape)))?
            }
            (Factors::Bfloat16, _) => list(Bfloat16::pack(held.elements::<f32>()?, shape.0, depth))?,
            (Factors::Int8, _) => list(Int8::pack(held.elements::<f32>()?, shape.0, depth))?,
        };
        drop(held);
        let kernel = match (packing, exponent) {
            (Packing::Direct, _) => None,
            (Packing::Winograd, None) => Some(kernel),
            (Packing::Winograd, Some(_)) => Some(kernel.to_dtype(DType::BF16)?),
        };
        let rounds = reads_rounded;
        Ok(Some(Self { values, factors, reads_rounded, rounds, packing, exponent, shape, kernel, params }))
    }

    /// The same with outputs in float32, where there is no residual in another type: for what sums, exponentials and choices are made of.
    #[must_use]
    pub fn in_float32(self) -> Self {
        Self { rounds: false, ..self }
    }

    /// As [`super::conv2d_epilogue`], without gradient.
    ///
    /// # Errors
    /// If the shapes do not fit or `input` is of another element type: with [`Factors::Bfloat16`] it may be in bfloat16.
    pub fn conv2d_epilogue(&self, input: &Tensor, epilogue: Epilogue) -> Result<Tensor> {
        if input.dtype() != self.dtype() && !(self.reads_rounded && input.dtype() == DType::BF16) {
            let found = (input.dtype(), self.dtype());
            return Err(Error::Argument(format!(
                "conv2d: input and kernel differ in element type: {found:?}"
            )));
        }
        let geometry = Geometry::of(input, self.shape, self.params)?;
        let form = match self.factors {
            Factors::Exact => self.exponent.map_or(Form::Packed(self.packing), Form::Halved),
            Factors::Bfloat16 => Form::Rounded(Rounded::Bfloat16),
            Factors::Int8 => Form::Rounded(Rounded::Int8),
        };
        let output = match epilogue.residual {
            Some(residual) if self.reads_rounded => residual.dtype(),
            None if self.rounds => DType::BF16,
            _ => self.dtype(),
        };
        with_epilogue(input, &self.values, geometry, form, output, epilogue)
    }

    /// Element type that it computes in.
    pub fn dtype(&self) -> DType {
        match self.factors {
            Factors::Exact if self.exponent.is_none() => self.values.dtype(),
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

    /// The kernel as it was given; rounded, if its factors or those of the layers around it are.
    ///
    /// # Errors
    /// If Candle fails.
    pub fn kernel(&self) -> Result<Tensor> {
        if let Some(kernel) = &self.kernel {
            return Ok(kernel.to_dtype(self.dtype())?);
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

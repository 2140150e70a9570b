//! Dense convolution and its gradients as Candle operations.

use super::epilogue::EpilogueValues;
use super::geometry::Geometry;
use super::halved::Halved;
use super::laid::Laid;
use super::winograd::POINTS;
use super::{dense, dense_grad, depthwise_op, packed, winograd};
use crate::activation::Activation;
use crate::cpu::{Float, Held, Stored, by_dtype, elements, hold, wrap};
use crate::matrix::{Bfloat16, Exact, Factor, Int8, packed_len};
use crate::profile::{Label, WINOGRAD};
use candle_core::{CpuStorage, CustomOp2, DType, Layout, Result, Shape, Storage, Tensor, bail};
use half::{bf16, f16};
use std::ops::Deref;

/// The output, of an input and a kernel.
pub(super) struct Dense(pub Geometry);

/// The gradient of the input, of the gradient of the output and the kernel.
struct InputGradient(Geometry);

/// The gradient of the kernel, of the input and the gradient of the output.
struct KernelGradient(Geometry);

impl CustomOp2 for Dense {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        l1: &Layout,
        w: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        by_dtype!(x, T => {
            let (x, w) = (elements::<T>(x, l1)?, elements::<T>(w, l2)?);
            (dense::forward(x, w, &self.0, &EpilogueValues::NONE), self.0.out_shape())
        })
    }

    fn bwd(
        &self,
        input: &Tensor,
        kernel: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let of_input = if input.track_op() {
            Some(grad.apply_op2_no_bwd(kernel, &InputGradient(self.0))?)
        } else {
            None
        };
        let of_kernel = if kernel.track_op() {
            Some(input.apply_op2_no_bwd(&grad, &KernelGradient(self.0))?)
        } else {
            None
        };
        Ok((of_input, of_kernel))
    }
}

impl CustomOp2 for InputGradient {
    fn name(&self) -> &'static str {
        "conv2d-input-gradient"
    }

    fn cpu_fwd(
        &self,
        grad: &CpuStorage,
        l1: &Layout,
        w: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        by_dtype!(grad, T => {
            let (grad, w) = (elements::<T>(grad, l1)?, elements::<T>(w, l2)?);
            (dense_grad::input_gradient(grad, w, &self.0), self.0.in_shape())
        })
    }
}

impl CustomOp2 for KernelGradient {
    fn name(&self) -> &'static str {
        "conv2d-kernel-gradient"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        l1: &Layout,
        grad: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        by_dtype!(x, T => {
            let (x, grad) = (elements::<T>(x, l1)?, elements::<T>(grad, l2)?);
            (dense_grad::kernel_gradient(x, grad, &self.0), self.0.kernel_shape())
        })
    }
}

/// A convolution with what follows it, for inference: no gradient.
pub(super) struct WithEpilogue<'a> {
    pub geometry: Geometry,
    pub bias: Option<&'a Tensor>,
    pub residual: Option<&'a Tensor>,
    pub activation: Activation,
    pub form: Form,
    /// Element type of the output and of the residual: the input's, or one of bfloat16 and float32 where that is the other.
    pub output: DType,
}

/// How the kernel of a [`WithEpilogue`] is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `[o, c / groups, kh, kw]`.
    Plain,
    /// Laid out for inference; one group.
    Packed(Packing),
    /// At Winograd's points, in half precision times 2 to this; one group.
    Halved(i32),
    /// In panels of rounded factors; one group, and maps in float32, or those of bfloat16 in that as well.
    Rounded(Rounded),
}

/// Those of [`crate::Factors`] that are rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rounded {
    Bfloat16,
    Int8,
}

impl Form {
    /// The convolution's label, which says where another number or another kind of products is made.
    pub fn label(self, g: &Geometry, input: DType, output: DType) -> Label {
        let label = g.label();
        let smaller = |dtype: DType, shape: Shape| {
            ((size_of::<f32>() - dtype.size_in_bytes().min(size_of::<f32>())) * shape.elem_count()) as f64
        };
        let bytes = label.bytes - smaller(input, g.in_shape()) - smaller(output, g.out_shape());
        let operation = match self {
            Self::Packed(Packing::Winograd) | Self::Halved(_) => label.operation.replace("conv", WINOGRAD),
            Self::Rounded(Rounded::Int8) => format!("{} int8", label.operation),
            Self::Rounded(Rounded::Bfloat16) => format!("{} bf16", label.operation),
            Self::Plain | Self::Packed(Packing::Direct) => label.operation,
        };
        Label { operation, bytes, ..label }
    }
}

/// How a kernel of one group is laid out for inference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    /// In panels of a matrix `[o, c kh kw]`.
    Direct,
    /// At Winograd's points, a matrix `[o, c]` in panels for each.
    Winograd,
}

impl Packing {
    /// The values of a kernel `[outputs, inputs, kh, kw]`.
    pub fn packed<T: Float>(
        self,
        w: &[T],
        (outputs, inputs, kh, kw): (usize, usize, usize, usize),
    ) -> Vec<T> {
        match self {
            Self::Direct => Exact::pack(w, outputs, inputs * kh * kw),
            Self::Winograd => {
                let points = winograd::kernel(w, outputs, inputs);
                let each = points.chunks_exact((outputs * inputs).max(1));
                let mut packed = Vec::with_capacity(POINTS * packed_len(outputs, inputs));
                each.for_each(|point| packed.extend(<Exact as Factor<T>>::pack(point, outputs, inputs)));
                packed
            }
        }
    }
}

impl CustomOp2 for WithEpilogue<'_> {
    fn name(&self) -> &'static str {
        "conv2d-finished"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        l1: &Layout,
        w: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        match (x, self.output) {
            (CpuStorage::F32(_), DType::F32) => match self.form {
                Form::Halved(_) | Form::Rounded(Rounded::Bfloat16) => {
                    return self.rounded::<f32, f32>((x, l1), (w, l2));
                }
                _ => {}
            },
            (CpuStorage::F64(_), DType::F64) => {}
            (CpuStorage::F32(_), DType::BF16) => return self.rounded::<f32, bf16>((x, l1), (w, l2)),
            (CpuStorage::BF16(_), DType::BF16) if self.form == Form::Plain => {
                return self.depthwise((x, l1), (w, l2));
            }
            (CpuStorage::BF16(_), DType::BF16) => return self.rounded::<bf16, bf16>((x, l1), (w, l2)),
            (CpuStorage::BF16(_), DType::F32) => return self.rounded::<bf16, f32>((x, l1), (w, l2)),
            (_, output) => bail!("conv2d: no kernel for these maps to {output:?}"),
        }
        let (bias, residual) = (self.bias.map(hold), self.residual.map(hold));
        let g = &self.geometry;
        if self.form == Form::Rounded(Rounded::Int8) {
            let epilogue = self.epilogue::<f32, f32, _>(&bias, &residual)?;
            let (x, w) = (elements::<f32>(x, l1)?, elements::<u32>(w, l2)?);
            return wrap((packed::forward::<f32, Int8, _, _>(x, w, g, &epilogue), g.out_shape()));
        }
        by_dtype!(x, T => {
            let (x, w) = (elements::<T>(x, l1)?, elements::<T>(w, l2)?);
            let epilogue = self.epilogue::<T, T, _>(&bias, &residual)?;
            let out = match self.form {
                Form::Packed(Packing::Winograd) => winograd::forward(x, w, g, &epilogue),
                Form::Packed(Packing::Direct) => packed::forward::<T, Exact, _, _>(x, w, g, &epilogue),
                Form::Plain if g.is_depthwise() => depthwise_op::forward(x, w, g, &epilogue),
                Form::Plain => dense::forward(x, w, g, &epilogue),
                Form::Rounded(_) | Form::Halved(_) => bail!("conv2d: no kernel of float64 for {:?}", self.form),
            };
            (out, g.out_shape())
        })
    }
}

impl WithEpilogue<'_> {
    /// What follows the sums.
    fn epilogue<'a, T: Float, O: Stored<T>, G: Deref<Target = Storage>>(
        &self,
        bias: &'a Option<Held<G>>,
        residual: &'a Option<Held<G>>,
    ) -> Result<EpilogueValues<'a, T, O>> {
        Ok(EpilogueValues {
            bias: bias.as_ref().map(Held::elements).transpose()?,
            residual: residual.as_ref().map(Held::elements).transpose()?,
            activation: self.activation,
        })
    }

    /// With factors or maps in bfloat16, or a kernel in half precision beside them.
    fn rounded<I, O>(
        &self,
        (x, l1): (&CpuStorage, &Layout),
        (w, l2): (&CpuStorage, &Layout),
    ) -> Result<(CpuStorage, Shape)>
    where
        I: Laid<f32, Bfloat16>,
        O: Stored<f32>,
    {
        let (bias, residual) = (self.bias.map(hold), self.residual.map(hold));
        let epilogue = self.epilogue::<f32, O, _>(&bias, &residual)?;
        let (x, g) = (elements::<I>(x, l1)?, &self.geometry);
        let out = match self.form {
            Form::Rounded(Rounded::Bfloat16) => {
                packed::forward::<f32, Bfloat16, I, O>(x, elements::<u32>(w, l2)?, g, &epilogue)
            }
            Form::Halved(exponent) => {
                let kernel = Halved { values: elements::<f16>(w, l2)?, exponent };
                winograd::forward(x, kernel, g, &epilogue)
            }
            Form::Packed(Packing::Winograd) => winograd::forward(x, elements::<f32>(w, l2)?, g, &epilogue),
            form => bail!("conv2d: no kernel of maps in bfloat16 for {form:?}"),
        };
        wrap((out, g.out_shape()))
    }

    /// Depthwise, with maps in bfloat16.
    fn depthwise(
        &self,
        (x, l1): (&CpuStorage, &Layout),
        (w, l2): (&CpuStorage, &Layout),
    ) -> Result<(CpuStorage, Shape)> {
        let (bias, residual) = (self.bias.map(hold), self.residual.map(hold));
        let epilogue = self.epilogue::<f32, bf16, _>(&bias, &residual)?;
        let (x, w, g) = (elements::<bf16>(x, l1)?, elements::<f32>(w, l2)?, &self.geometry);
        wrap((depthwise_op::forward_rounded(x, w, g, &epilogue), g.out_shape()))
    }
}

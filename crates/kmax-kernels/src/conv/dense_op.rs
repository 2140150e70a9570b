//! Dense convolution and its gradients as Candle operations.

use super::epilogue::EpilogueValues;
use super::geometry::Geometry;
use super::{dense, dense_grad, packed, winograd};
use crate::activation::Activation;
use crate::cpu::{Float, by_dtype, elements, hold, wrap};
use crate::matrix::{Bfloat16, Exact, Factor, Int8};
use crate::profile::{Label, WINOGRAD};
use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};

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
}

/// How the kernel of a [`WithEpilogue`] is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `[o, c / groups, kh, kw]`.
    Plain,
    /// Laid out for inference; one group.
    Packed(Packing),
    /// In panels of rounded factors; one group, and maps in float32.
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
    pub fn label(self, g: &Geometry) -> Label {
        let label = g.label();
        let operation = match self {
            Self::Packed(Packing::Winograd) => label.operation.replace("conv", WINOGRAD),
            Self::Rounded(Rounded::Int8) => format!("{} int8", label.operation),
            Self::Rounded(Rounded::Bfloat16) => format!("{} bf16", label.operation),
            Self::Plain | Self::Packed(Packing::Direct) => label.operation,
        };
        Label { operation, ..label }
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
                each.flat_map(|point| <Exact as Factor<T>>::pack(point, outputs, inputs)).collect()
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
        let (bias, residual) = (self.bias.map(hold), self.residual.map(hold));
        let g = &self.geometry;
        if let (Form::Rounded(factors), CpuStorage::F32(_)) = (self.form, x) {
            let epilogue = EpilogueValues {
                bias: bias.as_ref().map(|h| h.elements::<f32>()).transpose()?,
                residual: residual.as_ref().map(|h| h.elements::<f32>()).transpose()?,
                activation: self.activation,
            };
            let (x, w) = (elements::<f32>(x, l1)?, elements::<u32>(w, l2)?);
            let out = match factors {
                Rounded::Int8 => packed::forward::<f32, Int8>(x, w, g, &epilogue),
                Rounded::Bfloat16 => packed::forward::<f32, Bfloat16>(x, w, g, &epilogue),
            };
            return wrap((out, g.out_shape()));
        }
        by_dtype!(x, T => {
            let (x, w) = (elements::<T>(x, l1)?, elements::<T>(w, l2)?);
            let epilogue = EpilogueValues {
                bias: bias.as_ref().map(|h| h.elements::<T>()).transpose()?,
                residual: residual.as_ref().map(|h| h.elements::<T>()).transpose()?,
                activation: self.activation,
            };
            let out = match self.form {
                Form::Packed(Packing::Winograd) => winograd::forward(x, w, g, &epilogue),
                Form::Packed(Packing::Direct) => packed::forward::<T, Exact>(x, w, g, &epilogue),
                Form::Plain if g.is_depthwise() => super::depthwise_op::forward(x, w, g, &epilogue),
                Form::Plain => dense::forward(x, w, g, &epilogue),
                Form::Rounded(_) => bail!("rounded factors want maps in float32"),
            };
            (out, g.out_shape())
        })
    }
}

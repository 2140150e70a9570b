//! Dense convolution and its gradients as Candle operations.

use super::epilogue::EpilogueValues;
use super::geometry::Geometry;
use super::{dense, dense_grad, packed, winograd};
use crate::activation::Activation;
use crate::cpu::{Float, by_dtype, elements, hold};
use crate::matrix::{pack, packed_len};
use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor};

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
}

/// How a kernel of one group is laid out for inference, and the operation that does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    /// In panels of a matrix `[o, c kh kw]`.
    Direct,
    /// At Winograd's points, a matrix `[o, c]` in panels for each.
    Winograd,
}

impl CustomOp1 for Packing {
    fn name(&self) -> &'static str {
        "conv2d-packing"
    }

    fn cpu_fwd(&self, w: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (outputs, inputs, kh, kw) = layout.shape().dims4()?;
        by_dtype!(w, T => {
            let w = elements::<T>(w, layout)?;
            let values = match self {
                Self::Direct => packed_panels(w, outputs, inputs * kh * kw),
                Self::Winograd => {
                    let points = winograd::kernel(w, outputs, inputs);
                    let each = points.chunks_exact((outputs * inputs).max(1));
                    each.flat_map(|point| packed_panels(point, outputs, inputs)).collect()
                }
            };
            let len = values.len();
            (values, Shape::from(len))
        })
    }
}

fn packed_panels<T: Float>(w: &[T], rows: usize, depth: usize) -> Vec<T> {
    let mut packed = vec![T::ZERO; packed_len(rows, depth)];
    pack(w, depth, &mut packed);
    packed
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
        by_dtype!(x, T => {
            let (x, w) = (elements::<T>(x, l1)?, elements::<T>(w, l2)?);
            let epilogue = EpilogueValues {
                bias: bias.as_ref().map(|h| h.elements::<T>()).transpose()?,
                residual: residual.as_ref().map(|h| h.elements::<T>()).transpose()?,
                activation: self.activation,
            };
            let g = &self.geometry;
            let out = match self.form {
                Form::Packed(Packing::Winograd) => winograd::forward(x, w, g, &epilogue),
                Form::Packed(Packing::Direct) => packed::forward(x, w, g, &epilogue),
                Form::Plain if g.is_depthwise() => super::depthwise_op::forward(x, w, g, &epilogue),
                Form::Plain => dense::forward(x, w, g, &epilogue),
            };
            (out, g.out_shape())
        })
    }
}

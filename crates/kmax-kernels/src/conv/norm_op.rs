//! Convolution, batch norm and activation of a training step as one Candle operation.
//!
//! One node of the gradient graph in place of three: Candle zeroes, adds and keeps a gradient for every node.

use super::geometry::Geometry;
use super::{dense, dense_grad, depthwise_op, epilogue::EpilogueValues};
use crate::cpu::{Float, by_dtype, elements, hold, with_dtype};
use crate::norm::{NormStep, Train, TrainedNorm};
use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor};

/// The convolution alone, without gradient.
pub(super) struct Plain(pub Geometry);

impl CustomOp2 for Plain {
    fn name(&self) -> &'static str {
        "conv2d-plain"
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
            let out = if self.0.is_depthwise() { depthwise_op::forward(x, w, &self.0, &EpilogueValues::NONE) } else { dense::forward(x, w, &self.0, &EpilogueValues::NONE) };
            (out, self.0.out_shape())
        })
    }
}

/// Of an input, a kernel, and gain and shift as the two rows of one tensor (an operation takes three at most).
struct ConvNorm {
    geometry: Geometry,
    /// The output of the convolution.
    sums: Tensor,
    train: Train,
}

pub(super) fn conv_norm(
    input: &Tensor,
    kernel: &Tensor,
    geometry: Geometry,
    (gain, shift): (&Tensor, &Tensor),
    step: &NormStep,
) -> crate::error::Result<TrainedNorm> {
    let sums = input.apply_op2_no_bwd(kernel, &Plain(geometry))?;
    let train = Train::new(&sums, step)?;
    let (mean, variance) = train.statistics(&sums)?;
    let affine = Tensor::stack(&[gain, shift], 0)?;
    let output = input.apply_op3(kernel, &affine, ConvNorm { geometry, sums, train })?;
    Ok(TrainedNorm { output, mean, variance })
}

impl CustomOp3 for ConvNorm {
    fn name(&self) -> &'static str {
        "conv2d-batch-norm-train"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
        affine: &CpuStorage,
        l3: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let sums = hold(&self.sums);
        by_dtype!(affine, T => {
            let (gain, shift) = halves(elements::<T>(affine, l3)?);
            (self.train.forward(sums.elements::<T>()?, gain, shift), self.geometry.out_shape())
        })
    }

    fn bwd(
        &self,
        input: &Tensor,
        kernel: &Tensor,
        affine: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (grad, g) = (grad.contiguous()?, &self.geometry);
        let (x, w, sums, grad) = (hold(input), hold(kernel), hold(&self.sums), hold(&grad));
        let h = hold(affine);
        with_dtype!(affine, T => {
            let rows = halves(h.elements::<T>()?);
            let (inner, mut of_gain, of_shift) =
                self.train.backward(sums.elements::<T>()?, rows, grad.elements()?)?;
            of_gain.extend(of_shift);
            let tensor = |values: Vec<T>, like: &Tensor| Tensor::from_vec(values, like.shape(), like.device());
            let mut of_input = None;
            if input.track_op() {
                of_input = Some(tensor(input_gradient(&inner, w.elements()?, g), input)?);
            }
            let mut of_kernel = None;
            if kernel.track_op() {
                of_kernel = Some(tensor(kernel_gradient(x.elements()?, &inner, g), kernel)?);
            }
            Ok((of_input, of_kernel, Some(tensor(of_gain, affine)?)))
        })
    }
}

fn halves<T: Float>(affine: &[T]) -> (&[T], &[T]) {
    affine.split_at(affine.len() / 2)
}

/// The gradient of a convolution's input.
pub(super) fn input_gradient<T: Float>(grad: &[T], kernel: &[T], g: &Geometry) -> Vec<T> {
    if g.is_depthwise() {
        depthwise_op::input_gradient(grad, kernel, g)
    } else {
        dense_grad::input_gradient(grad, kernel, g)
    }
}

/// The gradient of a convolution's kernel.
pub(super) fn kernel_gradient<T: Float>(input: &[T], grad: &[T], g: &Geometry) -> Vec<T> {
    if g.is_depthwise() {
        depthwise_op::kernel_gradient(input, grad, g)
    } else {
        dense_grad::kernel_gradient(input, grad, g)
    }
}

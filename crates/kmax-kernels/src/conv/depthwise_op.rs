//! Depthwise convolution and its gradients as Candle operations.

use super::depthwise::{self, Scratch};
use super::epilogue::EpilogueValues;
use super::geometry::Geometry;
use crate::cpu::{Float, Plain, Stored, all_written, by_dtype, elements, to_write, with_buffer, written};
use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor};
use half::bf16;
use rayon::prelude::*;
use std::mem::MaybeUninit;

/// The output, of an input and a kernel.
pub(super) struct Depthwise(pub Geometry);

/// The gradient of the input, of the gradient of the output and the kernel.
struct InputGradient(Geometry);

/// The gradient of the kernel, of the input and the gradient of the output.
struct KernelGradient(Geometry);

/// A parallel task takes maps of at least this many elements together.
const GRAIN: usize = 8192;

/// `map(index, target, scratch)` for every map of the result, `work` being the elements that one reads or writes.
fn each_map<T: Float, O: Plain>(
    len: usize,
    area: usize,
    work: usize,
    map: impl Fn(usize, &mut [MaybeUninit<O>], &mut Scratch<T>) + Sync,
) -> Vec<O> {
    if len == 0 {
        return Vec::new();
    }
    let grain = (GRAIN / work.max(1)).max(1);
    // SAFETY: the maps tile the buffer and every `map` of this file writes its target in full.
    unsafe {
        written(len, |out| {
            let maps = out.par_chunks_exact_mut(area).enumerate().with_min_len(grain);
            maps.for_each_init(Scratch::default, |scratch, (i, target)| map(i, target, scratch));
        })
    }
}

/// The output, finished map by map.
pub(super) fn forward<T: Float>(x: &[T], w: &[T], g: &Geometry, epilogue: &EpilogueValues<T>) -> Vec<T> {
    let (from, area, taps) = (g.in_area(), g.out_area(), g.taps());
    each_map(g.batch * g.output * area, area, area, |i, out, scratch| {
        let channel = i % g.input;
        depthwise::forward(&x[i * from..][..from], &w[channel * taps..][..taps], g, out, scratch);
        // SAFETY: the convolution wrote the whole map.
        epilogue.apply(unsafe { all_written(out) }, channel, i * area);
    })
}

/// The same for maps in bfloat16, in float32.
pub(super) fn forward_rounded(
    x: &[bf16],
    w: &[f32],
    g: &Geometry,
    epilogue: &EpilogueValues<f32, bf16>,
) -> Vec<bf16> {
    let (from, area, taps) = (g.in_area(), g.out_area(), g.taps());
    each_map(g.batch * g.output * area, area, area, |i, out, scratch| {
        let channel = i % g.input;
        with_buffer(from + area, |buffer| {
            let (map, sums) = buffer.split_at_mut(from);
            bf16::widen(&x[i * from..][..from], map);
            // SAFETY: the convolution writes sums.
            let to = unsafe { to_write(sums) };
            depthwise::forward(map, &w[channel * taps..][..taps], g, to, scratch);
            epilogue.apply(sums, channel, i * area);
            bf16::narrow(sums, out);
        });
    })
}

impl CustomOp2 for Depthwise {
    fn name(&self) -> &'static str {
        "depthwise-conv2d"
    }

    fn cpu_fwd(
        &self,
        input: &CpuStorage,
        l1: &Layout,
        kernel: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let g = &self.0;
        by_dtype!(input, T => {
            let (x, w) = (elements::<T>(input, l1)?, elements::<T>(kernel, l2)?);
            (forward(x, w, g, &EpilogueValues::NONE), g.out_shape())
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
        "depthwise-conv2d-input-gradient"
    }

    fn cpu_fwd(
        &self,
        grad: &CpuStorage,
        l1: &Layout,
        kernel: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        by_dtype!(grad, T => {
            let (grad, w) = (elements::<T>(grad, l1)?, elements::<T>(kernel, l2)?);
            (input_gradient(grad, w, &self.0), self.0.in_shape())
        })
    }
}

/// The gradient of the input for the gradient `grad` of the output.
pub(super) fn input_gradient<T: Float>(grad: &[T], w: &[T], g: &Geometry) -> Vec<T> {
    let (from, taps, area) = (g.out_area(), g.taps(), g.in_area());
    each_map(g.batch * g.input * area, area, area, |i, out, scratch| {
        let kernel = &w[i % g.input * taps..][..taps];
        depthwise::input_gradient(&grad[i * from..][..from], kernel, g, out, scratch);
    })
}

impl CustomOp2 for KernelGradient {
    fn name(&self) -> &'static str {
        "depthwise-conv2d-kernel-gradient"
    }

    fn cpu_fwd(
        &self,
        input: &CpuStorage,
        l1: &Layout,
        grad: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        by_dtype!(input, T => {
            let (x, grad) = (elements::<T>(input, l1)?, elements::<T>(grad, l2)?);
            (kernel_gradient(x, grad, &self.0), self.0.kernel_shape())
        })
    }
}

/// The gradient of the kernel for the input `x` and the gradient `grad` of the output.
pub(super) fn kernel_gradient<T: Float>(x: &[T], grad: &[T], g: &Geometry) -> Vec<T> {
    let (area, out_area) = (g.in_area(), g.out_area());
    each_map(g.input * g.taps(), g.taps(), g.batch * area, |channel, out: &mut [MaybeUninit<T>], scratch| {
        let mut sums = vec![0.0; g.taps()];
        for image in 0..g.batch {
            let i = image * g.input + channel;
            let (x, grad) = (&x[i * area..][..area], &grad[i * out_area..][..out_area]);
            depthwise::kernel_gradient(x, grad, g, &mut sums, scratch);
        }
        for (to, sum) in out.iter_mut().zip(sums) {
            to.write(T::of(sum));
        }
    })
}

//! Convolutions with their batch norms one after the other, and the shortcut around them, of a training step as one
//! Candle operation.
//!
//! The inner maps of an inverted residual block are six times its outer ones. Candle would zero, add and keep a gradient
//! for each of them.

use super::geometry::Geometry;
use super::norm_op::{Plain, input_gradient, kernel_gradient};
use crate::Error;
use crate::layers::Activation;
use crate::ops::norm::Train;
use crate::ops::real::{Real, by_dtype, elements, has_kernel, hold, with_dtype};
use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;
use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

/// A convolution (without bias) of a chain, its batch norm and its activation (not GELU).
#[derive(Debug, Clone)]
pub struct Link {
    /// `[o, c / groups, kh, kw]`.
    pub kernel: Tensor,
    /// Step of both axes.
    pub stride: usize,
    /// Zeros on both sides, vertical and horizontal.
    pub padding: (usize, usize),
    /// Distance of kernel taps.
    pub dilation: usize,
    /// Channel groups.
    pub groups: usize,
    /// Gain of the norm, `[o]`.
    pub gain: Tensor,
    /// Shift of the norm, `[o]`.
    pub shift: Tensor,
    /// Added to the variance.
    pub eps: f64,
    /// What follows the norm.
    pub activation: Activation,
}

/// What [`conv_norm_chain`] gives.
#[derive(Debug, Clone)]
pub struct Chained {
    /// The result.
    pub output: Tensor,
    /// Mean and biased variance of each link's channels, and the number of values that they are taken of.
    pub statistics: Vec<(Tensor, Tensor, usize)>,
}

/// Convolution, batch norm with the batch's own statistics and activation of every link in turn, of `x`
/// `[b, c, h, w]`. With a `shortcut`, `x` plus the result times that factor of each image; the last activation is then
/// the identity. Differentiable in `x`, the kernels, gains and shifts; with `recompute`, the backward pass computes the
/// maps in between again, which are then not kept.
///
/// # Errors
/// If the shapes do not fit, there is no link, or there is no kernel for the device, element type or activation.
pub fn conv_norm_chain(
    x: &Tensor,
    links: &[Link],
    shortcut: Option<Vec<f64>>,
    recompute: bool,
) -> crate::Result<Chained> {
    let fail = |reason: &str| Err(Error::Argument(format!("conv_norm_chain: {reason}")));
    if !has_kernel(x) || links.iter().any(|link| link.activation == Activation::Gelu) {
        return fail("no kernel for this device, element type or activation");
    }
    let x = x.contiguous()?;
    let plain = links.iter().map(Link::plain).collect::<Result<Vec<_>>>()?;
    let stages = stages(&x, &plain)?;
    let (Some(last), Some(end)) = (links.last(), stages.last()) else { return fail("no link") };
    if let Some(scales) = &shortcut {
        let same = end.geometry.out_shape().dims() == x.dims() && scales.len() == end.geometry.batch;
        if !same || last.activation != Activation::Identity {
            return fail("the shortcut does not fit, or lies behind an activation");
        }
    }
    let statistics = stages.iter().map(|stage| {
        let (mean, variance) = stage.train.statistics(&stage.sums)?;
        Ok((mean, variance, stage.geometry.batch * stage.geometry.out_area()))
    });
    let statistics = statistics.collect::<crate::Result<_>>()?;
    let rows = links.iter().flat_map(|link| [&link.kernel, &link.gain, &link.shift]);
    let rows = rows.map(Tensor::flatten_all).collect::<Result<Vec<_>>>()?;
    let stages = Mutex::new(Some(Arc::new(stages)));
    let chain = Chain { links: plain, stages, recompute, shortcut };
    Ok(Chained { output: x.apply_op2(&Tensor::cat(&rows, 0)?, chain)?, statistics })
}

impl Link {
    /// The same without history.
    fn plain(&self) -> Result<Self> {
        let plain = |tensor: &Tensor| tensor.detach().contiguous();
        let (kernel, gain, shift) = (plain(&self.kernel)?, plain(&self.gain)?, plain(&self.shift)?);
        Ok(Self { kernel, gain, shift, ..self.clone() })
    }
}

/// What a link's backward pass reads.
struct Stage {
    geometry: Geometry,
    input: Tensor,
    /// The output of the convolution.
    sums: Tensor,
    train: Train,
}

impl Stage {
    fn new(input: Tensor, link: &Link) -> crate::Result<Self> {
        let Link { kernel, stride, padding, dilation, groups, gain, shift, eps, activation } = link;
        let geometry = Geometry::new(&input, kernel, *stride, *padding, *dilation, *groups)?;
        if gain.dims() != [geometry.output] || shift.dims() != [geometry.output] {
            return Err(Error::Argument("conv_norm_chain: gain or shift does not fit the kernel".into()));
        }
        let sums = input.apply_op2_no_bwd(kernel, &Plain(geometry))?;
        let train = Train::new(&sums, *eps, *activation)?;
        Ok(Self { geometry, input, sums, train })
    }

    /// The sums normalised and activated.
    fn output<T: Real>(&self, link: &Link) -> Result<Vec<T>> {
        let (sums, gain, shift) = (hold(&self.sums), hold(&link.gain), hold(&link.shift));
        Ok(self.train.forward(sums.elements::<T>()?, gain.elements()?, shift.elements()?))
    }
}

fn stages(x: &Tensor, links: &[Link]) -> crate::Result<Vec<Stage>> {
    let mut stages: Vec<Stage> = Vec::with_capacity(links.len());
    for (i, link) in links.iter().enumerate() {
        let input = match stages.last() {
            None => x.detach(),
            Some(stage) => with_dtype!(x, T => {
                Tensor::from_vec(stage.output::<T>(&links[i - 1])?, stage.geometry.out_shape(), x.device())
            })?,
        };
        stages.push(Stage::new(input, link)?);
    }
    Ok(stages)
}

/// Of the input, and the kernel, gain and shift of each link in one row.
struct Chain {
    links: Vec<Link>,
    /// Empty where they are to be computed again.
    stages: Mutex<Option<Arc<Vec<Stage>>>>,
    recompute: bool,
    shortcut: Option<Vec<f64>>,
}

impl Chain {
    fn stages(&self, x: &Tensor) -> Result<Arc<Vec<Stage>>> {
        let kept = self.stages.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match kept {
            Some(stages) => Ok(stages),
            None => Ok(Arc::new(stages(x, &self.links).map_err(candle_core::Error::wrap)?)),
        }
    }
}

impl CustomOp2 for Chain {
    fn name(&self) -> &'static str {
        "conv2d-batch-norm-chain-train"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        layout: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let mut kept = self.stages.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((stage, link)) = kept.as_ref().and_then(|stages| stages.last()).zip(self.links.last())
        else {
            bail!("a chain runs forward once")
        };
        let result = by_dtype!(x, T => {
            let mut out = stage.output::<T>(link)?;
            if let Some(scales) = &self.shortcut {
                each_image(&mut out, elements(x, layout)?, scales, |y, x, scale| *y = *y * scale + x);
            }
            (out, stage.geometry.out_shape())
        });
        if self.recompute {
            *kept = None;
        }
        result
    }

    fn bwd(
        &self,
        x: &Tensor,
        packed: &Tensor,
        y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (grad, stages) = (grad.contiguous()?, self.stages(x)?);
        let outer = hold(&grad);
        with_dtype!(x, T => {
            let outer = outer.elements::<T>()?;
            let mut flow = Cow::Borrowed(outer);
            if let Some(scales) = self.shortcut.as_ref().filter(|scales| scales.iter().any(|s| *s != 1.0)) {
                each_image(flow.to_mut(), outer, scales, |flow, _, scale| *flow *= scale);
            }
            // Filled from its end.
            let mut of_packed = vec![T::ZERO; packed.elem_count()];
            let mut end = of_packed.len();
            for (i, (stage, link)) in stages.iter().zip(&self.links).enumerate().rev() {
                // What an activation let through is told from its result; there is none before a shortcut.
                let result = stages.get(i + 1).map_or(y, |next| &next.input);
                let (sums, input, result) = (hold(&stage.sums), hold(&stage.input), hold(result));
                let (kernel, gain) = (hold(&link.kernel), hold(&link.gain));
                let (inner, of_gain, of_shift) =
                    stage.train.backward(sums.elements()?, gain.elements()?, result.elements()?, &flow);
                let of_kernel = kernel_gradient(input.elements()?, &inner, &stage.geometry);
                for row in [of_shift, of_gain, of_kernel] {
                    of_packed[end - row.len()..end].copy_from_slice(&row);
                    end -= row.len();
                }
                if i > 0 || x.track_op() {
                    flow = Cow::Owned(input_gradient(&inner, kernel.elements()?, &stage.geometry));
                }
            }
            let mut of_x = None;
            if x.track_op() {
                let mut flow = flow.into_owned();
                if let Some(scales) = &self.shortcut {
                    each_image(&mut flow, outer, scales, |flow, outer, _| *flow += outer);
                }
                of_x = Some(Tensor::from_vec(flow, x.shape(), x.device())?);
            }
            Ok((of_x, Some(Tensor::from_vec(of_packed, packed.shape(), x.device())?)))
        })
    }
}

/// `f(y, x, scale)` for every element of an image, with the image's scale.
fn each_image<T: Real>(y: &mut [T], x: &[T], scales: &[f64], f: impl Fn(&mut T, T, T) + Sync) {
    const CHUNK: usize = 1 << 14;
    let size = (y.len() / scales.len().max(1)).max(1);
    let images = y.par_chunks_exact_mut(size).zip(x.par_chunks_exact(size)).zip(scales);
    images.for_each(|((y, x), scale)| {
        let scale = T::of(*scale);
        y.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK)).for_each(|(y, x)| {
            y.iter_mut().zip(x).for_each(|(y, x)| f(y, *x, scale));
        });
    });
}

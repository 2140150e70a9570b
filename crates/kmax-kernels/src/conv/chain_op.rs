//! Convolutions with their batch norms one after the other, and the residual around them, of a training step as one
//! Candle operation.
//!
//! The inner maps of an inverted residual block are six times its outer ones. Candle would zero, add and keep a gradient
//! for each of them.

use super::stage::{Link, Stage};
use crate::activation::Activation;
use crate::activation::activation_gradient;
use crate::cpu::{Float, by_dtype, has_kernel, hold, with_dtype};
use crate::error::Error;
use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;
use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

/// What is added to the result of a chain.
#[derive(Debug, Clone)]
pub struct Residual {
    /// Factor of the result in each image.
    pub scales: Vec<f64>,
    /// A layer between the chain's input and the sum; the input itself without one.
    pub link: Option<Link>,
}

/// What [`conv_norm_chain`] gives.
#[derive(Debug, Clone)]
pub struct Chained {
    /// The result.
    pub output: Tensor,
    /// Mean and biased variance of each link's channels, and the number of values that they are taken of; the
    /// residual's link comes last.
    pub statistics: Vec<(Tensor, Tensor, usize)>,
}

/// The activation `before`, then convolution, batch norm with the batch's own statistics and activation of every link in
/// turn, of `x` `[b, c, h, w]`. With a `residual`, that of the activated `x` plus the result times its factor; both last
/// activations are then the identity. Differentiable in `x` and the links' tensors; with `recompute`, the backward pass computes
/// the maps in between again, which are then not kept.
///
/// # Errors
/// If the shapes do not fit, there is no link, or there is no kernel for the device or element type; and as [`Ranks::meet`].
///
/// [`Ranks::meet`]: crate::Ranks::meet
pub fn conv_norm_chain(
    x: &Tensor,
    before: Activation,
    links: &[Link],
    residual: Option<&Residual>,
    recompute: bool,
) -> crate::error::Result<Chained> {
    let fail = |reason: &str| Err(Error::Argument(format!("conv_norm_chain: {reason}")));
    if !has_kernel(x) {
        return fail("no kernel for this device or element type");
    }
    let x = x.contiguous()?;
    let projection = residual.and_then(|residual| residual.link.as_ref());
    let plan = Plan {
        before,
        links: links.iter().map(Link::plain).collect::<Result<_>>()?,
        projection: projection.map(Link::plain).transpose()?,
        scales: residual.map(|residual| residual.scales.clone()),
    };
    let maps = plan.run(&x)?;
    let (Some(last), Some(end)) = (links.last(), maps.stages.last()) else { return fail("no link") };
    if let Some(scales) = &plan.scales {
        let aside = maps.projection.as_ref().map(|stage| stage.geometry.out_shape());
        let same = end.geometry.out_shape() == aside.unwrap_or(x.shape().clone());
        let plain = [Some(last), projection]
            .into_iter()
            .flatten()
            .all(|link| link.step.activation == Activation::Identity);
        if !same || scales.len() != end.geometry.batch || !plain {
            return fail("the residual does not fit, or an activation lies before the sum");
        }
    }
    let stages = maps.stages.iter().zip(&plan.links).chain(maps.projection.iter().zip(&plan.projection));
    let statistics =
        stages.map(|(stage, link)| stage.statistics(link)).collect::<crate::error::Result<_>>()?;
    let rows = links.iter().chain(projection).flat_map(Link::tensors);
    let rows = rows.map(Tensor::flatten_all).collect::<Result<Vec<_>>>()?;
    let chain = Chain { plan, maps: Mutex::new(Some(Arc::new(maps))), recompute };
    Ok(Chained { output: x.apply_op2(&Tensor::cat(&rows, 0)?, chain)?, statistics })
}

/// What is done, without history.
struct Plan {
    before: Activation,
    links: Vec<Link>,
    projection: Option<Link>,
    scales: Option<Vec<f64>>,
}

/// The maps that the backward pass reads.
struct Maps {
    /// The activated input.
    start: Tensor,
    stages: Vec<Stage>,
    projection: Option<Stage>,
}

impl Plan {
    fn run(&self, x: &Tensor) -> crate::error::Result<Maps> {
        let start = self.before.forward(&x.detach())?;
        let mut stages: Vec<Stage> = Vec::with_capacity(self.links.len());
        for (i, link) in self.links.iter().enumerate() {
            let input = match stages.last() {
                None => start.clone(),
                Some(stage) => with_dtype!(x, T => {
                    let values = stage.output::<T>(&self.links[i - 1])?;
                    Tensor::from_vec(values, stage.geometry.out_shape(), x.device())
                })?,
            };
            stages.push(Stage::new(input, link)?);
        }
        let projection = self.projection.as_ref().map(|link| Stage::new(start.clone(), link)).transpose()?;
        Ok(Maps { start, stages, projection })
    }
}

/// Of the input, and the tensors of each link and of the residual's in one row.
struct Chain {
    plan: Plan,
    /// Empty where they are to be computed again.
    maps: Mutex<Option<Arc<Maps>>>,
    recompute: bool,
}

impl Chain {
    fn maps(&self, x: &Tensor) -> Result<Arc<Maps>> {
        let kept = self.maps.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match kept {
            Some(maps) => Ok(maps),
            None => Ok(Arc::new(self.plan.run(x).map_err(candle_core::Error::wrap)?)),
        }
    }

    fn output<T: Float>(&self, maps: &Maps) -> Result<Vec<T>> {
        let Some((stage, link)) = maps.stages.last().zip(self.plan.links.last()) else {
            bail!("a chain without links")
        };
        let mut out = stage.output::<T>(link)?;
        if let Some(scales) = &self.plan.scales {
            let start = hold(&maps.start);
            let aside = match maps.projection.as_ref().zip(self.plan.projection.as_ref()) {
                Some((stage, link)) => Cow::Owned(stage.output(link)?),
                None => Cow::Borrowed(start.elements()?),
            };
            each_image(&mut out, &aside, scales, |y, x, scale| *y = *y * scale + x);
        }
        Ok(out)
    }

    /// The gradients of the input and of the links' tensors.
    fn gradients<T: Float>(&self, maps: &Maps, x: &Tensor, outer: &[T]) -> Result<(Vec<T>, Vec<T>)> {
        let Plan { before, links, projection, scales } = &self.plan;
        let mut of_links = vec![T::ZERO; links.iter().chain(projection).map(Link::len).sum()];
        let (mut rest, of_projection) = of_links.split_at_mut(links.iter().map(Link::len).sum());
        let mut flow = Cow::Borrowed(outer);
        if let Some(scales) = scales.as_ref().filter(|scales| scales.iter().any(|s| *s != 1.0)) {
            each_image(flow.to_mut(), outer, scales, |flow, _, scale| *flow *= scale);
        }
        for (i, (stage, link)) in maps.stages.iter().zip(links).enumerate().rev() {
            let (earlier, of_link) = rest.split_at_mut(rest.len() - link.len());
            rest = earlier;
            let of_input = stage.backward(link, &flow, i > 0 || x.track_op(), of_link)?;
            flow = Cow::Owned(of_input.unwrap_or_default());
        }
        let mut flow = flow.into_owned();
        let mut add = |more: &[T]| each_image(&mut flow, more, &[1.0], |flow, more, _| *flow += more);
        match maps.projection.as_ref().zip(projection.as_ref()) {
            Some((stage, link)) => {
                let of_start = stage.backward(link, outer, x.track_op(), of_projection)?;
                add(&of_start.unwrap_or_default());
            }
            None if scales.is_some() && x.track_op() => add(outer),
            None => {}
        }
        if *before != Activation::Identity && x.track_op() {
            flow = activation_gradient(*before, hold(x).elements()?, &flow);
        }
        Ok((flow, of_links))
    }
}

impl CustomOp2 for Chain {
    fn name(&self) -> &'static str {
        "conv2d-batch-norm-chain-train"
    }

    fn cpu_fwd(&self, x: &CpuStorage, _: &Layout, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        let mut kept = self.maps.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((maps, end)) = kept.as_ref().and_then(|maps| Some((maps, maps.stages.last()?))) else {
            bail!("a chain runs forward once")
        };
        let result = by_dtype!(x, T => (self.output::<T>(maps)?, end.geometry.out_shape()));
        if self.recompute {
            *kept = None;
        }
        result
    }

    fn bwd(
        &self,
        x: &Tensor,
        packed: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (grad, maps) = (grad.contiguous()?, self.maps(x)?);
        let outer = hold(&grad);
        with_dtype!(x, T => {
            let (of_x, of_links) = self.gradients::<T>(&maps, x, outer.elements()?)?;
            let of_x = if x.track_op() { Some(Tensor::from_vec(of_x, x.shape(), x.device())?) } else { None };
            Ok((of_x, Some(Tensor::from_vec(of_links, packed.shape(), x.device())?)))
        })
    }
}

/// `f(y, x, scale)` for every element of an image, with the image's scale.
fn each_image<T: Float>(y: &mut [T], x: &[T], scales: &[f64], f: impl Fn(&mut T, T, T) + Sync) {
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

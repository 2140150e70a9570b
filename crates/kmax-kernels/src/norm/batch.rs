//! Batch normalisation: statistics, the affine map per channel, and the whole training step.

use super::batch_kernels::{
    BLOCK, GRAIN, Moments, dot, normalise, slopes, spread, spread_in_place, statistics,
};
use crate::activation::{Activation, Pass};
use crate::cpu::{Float, Shared, by_dtype, elements, has_kernel, hold, with_dtype, written};
use crate::error::{Error, Result};
use crate::gpu::takes;
use crate::profile;
use crate::ranks::{Ranks, across};
use candle_core::{CpuStorage, CustomOp3, Layout, Shape, Tensor};
use rayon::prelude::*;
use std::mem::MaybeUninit;

/// Batch, channels and elements per channel and image of `x`.
fn planes(x: &Tensor) -> Result<(usize, usize, usize)> {
    match x.dims() {
        [batch, channels, rest @ ..] => Ok((*batch, *channels, rest.iter().product())),
        _ => Err(Error::Argument(format!("batch norm wants [batch, channels, …], not {:?}", x.dims()))),
    }
}

fn check_channels(channels: usize, tensors: &[&Tensor]) -> Result<()> {
    match tensors.iter().find(|t| t.dims() != [channels]) {
        Some(t) => Err(Error::Argument(format!("batch norm: {:?} instead of [{channels}]", t.dims()))),
        None => Ok(()),
    }
}

/// Whether a kernel of a GPU takes these: `x`, and what it is multiplied and added with.
fn on_device(tensors: &[&Tensor; 3]) -> bool {
    takes(tensors[0]) && !tensors.iter().any(|t| t.track_op())
}

/// `x * scale + offset` per channel (axis 1); both `[channels]`. Differentiable in all three.
///
/// # Errors
/// If the shapes do not fit.
pub fn channel_affine(x: &Tensor, scale: &Tensor, offset: &Tensor) -> Result<Tensor> {
    let (_, channels, _) = planes(x)?;
    check_channels(channels, &[scale, offset])?;
    if on_device(&[x, scale, offset]) {
        return channel_affine_activated(x, scale, offset, Activation::Identity);
    }
    if !has_kernel(x) {
        let mut shape = vec![1; x.rank()];
        shape[1] = channels;
        return Ok(x
            .broadcast_mul(&scale.reshape(shape.as_slice())?)?
            .broadcast_add(&offset.reshape(shape)?)?);
    }
    profile::pass("batch norm", &[x], || {
        Ok(x.contiguous()?.apply_op3(&scale.contiguous()?, &offset.contiguous()?, Affine)?)
    })
}

/// [`channel_affine`] with an activation behind it: one launch on a GPU.
///
/// # Errors
/// If the shapes do not fit.
pub fn channel_affine_activated(
    x: &Tensor,
    scale: &Tensor,
    offset: &Tensor,
    activation: Activation,
) -> Result<Tensor> {
    if on_device(&[x, scale, offset]) {
        check_channels(planes(x)?.1, &[scale, offset])?;
        let pass = Pass { scale: Some(scale), bias: Some(offset), activation, ..Pass::default() };
        return profile::pass("batch norm", &[x], || pass.run(&x.contiguous()?));
    }
    activation.forward(&channel_affine(x, scale, offset)?)
}

/// `(x - mean) / sqrt(variance + eps) * gain + shift` per channel (axis 1); the four are `[channels]`.
/// Differentiable in all five.
///
/// # Errors
/// If the shapes do not fit.
pub fn batch_norm(
    x: &Tensor,
    mean: &Tensor,
    variance: &Tensor,
    gain: &Tensor,
    shift: &Tensor,
    eps: f64,
) -> Result<Tensor> {
    check_channels(planes(x)?.1, &[mean, variance, gain, shift])?;
    let scale = (gain / (variance + eps)?.sqrt()?)?;
    let offset = (shift - (mean * &scale)?)?;
    channel_affine(x, &scale, &offset)
}

/// How a batch norm takes a step of training.
#[derive(Debug, Clone)]
pub struct NormStep {
    /// Added to the variance.
    pub eps: f64,
    /// What follows the norm.
    pub activation: Activation,
    /// Those whose images make up the batch, as many on each.
    pub ranks: Ranks,
}

impl NormStep {
    /// Of one process.
    pub fn new(eps: f64, activation: Activation) -> Self {
        Self { eps, activation, ranks: Ranks::single() }
    }
}

/// What [`batch_norm_train`] gives.
#[derive(Debug, Clone)]
pub struct TrainedNorm {
    /// The normalised and activated `x`.
    pub output: Tensor,
    /// Mean of each channel, `[channels]`, without gradient.
    pub mean: Tensor,
    /// Biased variance of each channel, `[channels]`, without gradient.
    pub variance: Tensor,
}

/// Batch norm with the batch's own statistics (biased variance) over all axes but 1 and over all ranks, and the activation behind
/// it. Differentiable in `x`, `gain` and `shift`, through the statistics as well.
///
/// # Errors
/// If the shapes do not fit, or as [`Ranks::meet`].
pub fn batch_norm_train(x: &Tensor, gain: &Tensor, shift: &Tensor, step: &NormStep) -> Result<TrainedNorm> {
    let channels = planes(x)?.1;
    check_channels(channels, &[gain, shift])?;
    if !has_kernel(x) {
        let rows = x.transpose(0, 1)?.contiguous()?.reshape((channels, ()))?;
        let mean_of = |each: Tensor| across(&each, &step.ranks)? / step.ranks.size() as f64;
        let mean = mean_of(rows.mean_keepdim(1)?)?;
        let variance = mean_of(rows.broadcast_sub(&mean)?.sqr()?.mean(1)?)?;
        let mean = mean.squeeze(1)?;
        let normalised = batch_norm(x, &mean, &variance, gain, shift, step.eps)?;
        let output = step.activation.forward(&normalised)?;
        return Ok(TrainedNorm { output, mean: mean.detach(), variance: variance.detach() });
    }
    let (x, gain, shift) = (x.contiguous()?, gain.contiguous()?, shift.contiguous()?);
    let train = Train::new(&x, step)?;
    let (mean, variance) = train.statistics(&x)?;
    Ok(TrainedNorm { output: x.apply_op3(&gain, &shift, train)?, mean, variance })
}

/// The training step; a channel's statistics are known.
pub(crate) struct Train {
    batch: usize,
    moments: Vec<Moments>,
    step: NormStep,
}

impl Train {
    /// Takes the statistics of `x`, which is contiguous.
    pub(crate) fn new(x: &Tensor, step: &NormStep) -> Result<Self> {
        let (batch, channels, inner) = planes(x)?;
        let held = hold(x);
        let own = with_dtype!(x, T => Ok(statistics(held.elements::<T>()?, batch, channels, inner)))?;
        Ok(Self { batch, moments: joined(own, &step.ranks)?, step: step.clone() })
    }

    /// Means and biased variances, of the type of `x`.
    pub(crate) fn statistics(&self, x: &Tensor) -> Result<(Tensor, Tensor)> {
        let values = |f: &dyn Fn(&Moments) -> f64| -> Result<Tensor> {
            let list: Vec<f64> = self.moments.iter().map(f).collect();
            Ok(Tensor::from_vec(list, self.moments.len(), x.device())?.to_dtype(x.dtype())?)
        };
        Ok((values(&|m| m.mean)?, values(&|m| m.variance)?))
    }

    /// Mean, scale and shift of a channel.
    fn factors<T: Float>(&self, channel: usize, gain: &[T], shift: &[T]) -> (T, T, T) {
        let moments = self.moments[channel];
        let scale = gain[channel].wide() / (moments.variance + self.step.eps).sqrt();
        (T::of(moments.mean), T::of(scale), shift[channel])
    }

    /// The normalised and activated `x`.
    pub(crate) fn forward<T: Float>(&self, x: &[T], gain: &[T], shift: &[T]) -> Vec<T> {
        let factors = (0..self.moments.len()).map(|channel| self.factors(channel, gain, shift));
        each_plane(x, self.batch, &factors.collect::<Vec<_>>(), self.step.activation)
    }

    /// The gradients of `x`, gain and shift for the gradient of the result. Those of gain and shift are this rank's part.
    ///
    /// # Errors
    /// As [`Ranks::meet`].
    pub(crate) fn backward<T: Float>(
        &self,
        x: &[T],
        (gain, shift): (&[T], &[T]),
        grad: &[T],
    ) -> Result<(Vec<T>, Vec<T>, Vec<T>)> {
        let channels = self.moments.len();
        let (batch, inner) = (self.batch, x.len() / (self.batch * channels).max(1));
        let (activation, ranks) = (self.step.activation, &self.step.ranks);
        let count = (batch * inner * ranks.size()) as f64;
        let grain = (GRAIN / (batch * inner).max(1)).max(1);
        let starts = |channel: usize| (0..batch).map(move |image| (image * channels + channel) * inner);
        let deviation = |channel: usize| (self.moments[channel].variance + self.step.eps).sqrt();
        let mut sums = Vec::new();
        let mut met = Ok(());
        let fill = |out: &mut [MaybeUninit<T>]| {
            let out = Shared::unwritten(out);
            // Behind the activation; the identity leaves `out` alone.
            let slopes = |channel: usize| {
                let factors = self.factors(channel, gain, shift);
                let (mut plain, mut centred) = (0.0, 0.0);
                for start in starts(channel) {
                    for from in (0..inner).step_by(BLOCK) {
                        let at = start + from..start + inner.min(from + BLOCK);
                        // SAFETY: the planes of this channel belong to this task alone and lie within the buffer.
                        let out = unsafe { out.unwritten_slice(at.start, at.len()) };
                        let (a, b) = slopes(&x[at.clone()], factors, &grad[at], activation, out);
                        (plain, centred) = (plain + a, centred + b);
                    }
                }
                (plain, centred)
            };
            let spread = |channel: usize, (plain, centred): (f64, f64)| {
                let (mean, ..) = self.factors(channel, gain, shift);
                let deviation = deviation(channel);
                let scale = gain[channel].wide() / deviation;
                let slope = scale * centred / (count * deviation * deviation);
                let factors = (mean, T::of(scale), T::of(slope), T::of(scale * plain / count));
                for start in starts(channel) {
                    let x = &x[start..][..inner];
                    if activation == Activation::Identity {
                        // SAFETY: as above.
                        spread(x, &grad[start..][..inner], factors, unsafe {
                            out.unwritten_slice(start, inner)
                        });
                    } else {
                        // SAFETY: as above, and the slopes are written.
                        spread_in_place(x, factors, unsafe { out.slice(start, inner) });
                    }
                }
            };
            let all = || (0..channels).into_par_iter().with_min_len(grain);
            if ranks.size() == 1 {
                // A channel's planes are still in the cache.
                let both = |channel| {
                    let sums = slopes(channel);
                    spread(channel, sums);
                    sums
                };
                all().map(both).collect_into_vec(&mut sums);
                return;
            }
            all().map(slopes).collect_into_vec(&mut sums);
            let (mut plain, mut centred): (Vec<f64>, Vec<f64>) = sums.iter().copied().unzip();
            plain.append(&mut centred);
            // After an error too: everything is written, and thrown away.
            met = ranks.sum(&mut plain);
            all().for_each(|channel| spread(channel, (plain[channel], plain[channels + channel])));
        };
        // SAFETY: the channels' planes tile the buffer, and each is written in full, by `spread` or by `slopes`.
        let of_x = unsafe { written(x.len(), fill) };
        met?;
        let of_gain =
            sums.iter().enumerate().map(|(channel, (_, centred))| T::of(centred / deviation(channel)));
        let of_gain = of_gain.collect();
        Ok((of_x, of_gain, sums.iter().map(|(plain, _)| T::of(*plain)).collect()))
    }
}

/// The moments of a batch of which each rank has as many images.
fn joined(own: Vec<Moments>, ranks: &Ranks) -> Result<Vec<Moments>> {
    let row: Vec<f64> = own.iter().flat_map(|moments| [moments.mean, moments.variance]).collect();
    let rows = ranks.meet(&row)?;
    if rows.len() == 1 {
        return Ok(own);
    }
    let count = rows.len() as f64;
    let joined = |channel: usize| {
        let each = || rows.iter().map(|row| (row[2 * channel], row[2 * channel + 1]));
        let mean = each().map(|(mean, _)| mean).sum::<f64>() / count;
        let squares = each().map(|(own, variance)| variance + (own - mean).powi(2)).sum::<f64>();
        Moments { mean, variance: squares / count }
    };
    Ok((0..own.len()).map(joined).collect())
}

impl CustomOp3 for Train {
    fn name(&self) -> &'static str {
        "batch-norm-train"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        l1: &Layout,
        gain: &CpuStorage,
        l2: &Layout,
        shift: &CpuStorage,
        l3: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        by_dtype!(x, T => {
            let (x, gain, shift) = (elements::<T>(x, l1)?, elements::<T>(gain, l2)?, elements::<T>(shift, l3)?);
            (self.forward(x, gain, shift), l1.shape().clone())
        })
    }

    fn bwd(
        &self,
        x: &Tensor,
        gain: &Tensor,
        shift: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let (hx, hg, hs, hd) = (hold(x), hold(gain), hold(shift), hold(&grad));
        with_dtype!(x, T => {
            let affine = (hg.elements::<T>()?, hs.elements()?);
            let (of_x, of_gain, of_shift) =
                self.backward::<T>(hx.elements()?, affine, hd.elements()?)?;
            let of_x = Tensor::from_vec(of_x, x.shape(), x.device())?;
            let of_gain = Tensor::from_vec(of_gain, gain.shape(), x.device())?;
            Ok((Some(of_x), Some(of_gain), Some(Tensor::from_vec(of_shift, gain.shape(), x.device())?)))
        })
    }
}

/// [`normalise`] of every plane with its channel's mean, scale and shift.
fn each_plane<T: Float>(x: &[T], batch: usize, factors: &[(T, T, T)], activation: Activation) -> Vec<T> {
    let inner = x.len() / (batch * factors.len()).max(1);
    if inner == 0 {
        return Vec::new();
    }
    let grain = (GRAIN / inner).max(1);
    let fill = |out: &mut [MaybeUninit<T>]| {
        let planes = out.par_chunks_exact_mut(inner).zip(x.par_chunks_exact(inner)).enumerate();
        planes.with_min_len(grain).for_each(|(i, (out, x))| {
            normalise(x, factors[i % factors.len()], activation, out);
        });
    };
    // SAFETY: the planes tile the buffer, and `normalise` writes each in full.
    unsafe { written(x.len(), fill) }
}

/// Scale and offset per channel.
struct Affine;

impl CustomOp3 for Affine {
    fn name(&self) -> &'static str {
        "channel-affine"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        l1: &Layout,
        scale: &CpuStorage,
        l2: &Layout,
        offset: &CpuStorage,
        l3: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let batch = l1.dims().first().copied().unwrap_or(1);
        by_dtype!(x, T => {
            let (x, scale, offset) = (elements::<T>(x, l1)?, elements::<T>(scale, l2)?, elements::<T>(offset, l3)?);
            let factors: Vec<_> = scale.iter().zip(offset).map(|(s, o)| (T::ZERO, *s, *o)).collect();
            (each_plane(x, batch, &factors, Activation::Identity), l1.shape().clone())
        })
    }

    fn bwd(
        &self,
        x: &Tensor,
        scale: &Tensor,
        _: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let batch = x.dims().first().copied().unwrap_or(1);
        let (hx, hs, hd) = (hold(x), hold(scale), hold(&grad));
        with_dtype!(x, T => {
            let (x_values, scale_values, grad_values) =
                (hx.elements::<T>()?, hs.elements::<T>()?, hd.elements::<T>()?);
            let channels = scale_values.len();
            let factors: Vec<_> = scale_values.iter().map(|s| (T::ZERO, *s, T::ZERO)).collect();
            let of_x = each_plane(grad_values, batch, &factors, Activation::Identity);
            let inner = x_values.len() / (batch * channels).max(1);
            let sums = |channel: usize| {
                let (mut plain, mut product) = (0.0, 0.0);
                for start in (0..batch).map(|image| (image * channels + channel) * inner) {
                    for i in (0..inner).step_by(BLOCK) {
                        let at = start + i..start + inner.min(i + BLOCK);
                        let (a, b) = dot(&x_values[at.clone()], &grad_values[at]);
                        (plain, product) = (plain + a, product + b);
                    }
                }
                (T::of(product), T::of(plain))
            };
            let (of_scale, of_offset): (Vec<T>, Vec<T>) = (0..channels).into_par_iter().map(sums).unzip();
            Ok((
                Some(Tensor::from_vec(of_x, x.shape(), x.device())?),
                Some(Tensor::from_vec(of_scale, scale.shape(), x.device())?),
                Some(Tensor::from_vec(of_offset, scale.shape(), x.device())?),
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check_gradients, random};
    use candle_core::{DType, Device, Var};

    /// The composed form.
    fn reference(x: &Tensor, gain: &Tensor, shift: &Tensor, eps: f64) -> Result<(Tensor, Tensor, Tensor)> {
        let channels = x.dim(1)?;
        let rows = x.transpose(0, 1)?.contiguous()?.reshape((channels, ()))?;
        let mean = rows.mean_keepdim(1)?;
        let variance = rows.broadcast_sub(&mean)?.sqr()?.mean(1)?;
        let mut shape = vec![1; x.rank()];
        shape[1] = channels;
        let wide = |t: &Tensor| t.reshape(shape.as_slice());
        let y = x
            .broadcast_sub(&wide(&mean)?)?
            .broadcast_div(&wide(&(&variance + eps)?.sqrt()?)?)?
            .broadcast_mul(&wide(gain)?)?
            .broadcast_add(&wide(shift)?)?;
        Ok((y, mean.squeeze(1)?, variance))
    }

    const SHAPES: &[&[usize]] =
        &[&[3, 2], &[1, 3, 5], &[2, 3, 4, 5], &[2, 2, 70, 67], &[3, 5, 1, 1], &[2, 1, 3, 2, 2]];

    #[test]
    fn training_equals_the_composed_form() -> Result<()> {
        for shape in SHAPES {
            let (x, channels) = (((random(1, shape)? * 3.0)? + 5.0)?, shape[1]);
            let (gain, shift) = (random(2, &[channels])?, random(3, &[channels])?);
            let (y, mean, variance) = reference(&x, &gain, &shift, 1e-3)?;
            for activation in [Activation::Identity, Activation::Relu, Activation::Relu6, Activation::Gelu] {
                let expected = activation.forward(&y)?;
                let found = batch_norm_train(&x, &gain, &shift, &NormStep::new(1e-3, activation))?;
                assert_close(&found.output, &expected, 1e-12);
                assert_close(&found.mean, &mean, 1e-13);
                assert_close(&found.variance, &variance, 1e-12);
                let narrow = |t: &Tensor| t.to_dtype(DType::F32);
                let (x, gain, shift) = (narrow(&x)?, narrow(&gain)?, narrow(&shift)?);
                let single = batch_norm_train(&x, &gain, &shift, &NormStep::new(1e-3, activation))?;
                assert_close(&single.output.to_dtype(DType::F64)?, &expected, 3e-6);
                assert_close(&single.variance.to_dtype(DType::F64)?, &variance, 1e-6);
            }
        }
        Ok(())
    }

    #[test]
    fn gradients_equal_the_differences() -> Result<()> {
        for shape in &SHAPES[1..5] {
            let c = shape[1];
            let arguments = [random(1, shape)?, random(2, &[c])?, random(3, &[c])?];
            for activation in [Activation::Identity, Activation::Relu, Activation::Relu6, Activation::Gelu] {
                check_gradients(&arguments, |v| {
                    Ok(batch_norm_train(&v[0], &v[1], &v[2], &NormStep::new(0.1, activation))?.output)
                })?;
            }
            check_gradients(&arguments, |v| channel_affine(&v[0], &v[1], &v[2]))?;
            let more = [&arguments[..], &[random(4, &[c])?, random(5, &[c])?.sqr()?]].concat();
            check_gradients(&more, |v| batch_norm(&v[0], &v[3], &v[4], &v[1], &v[2], 0.1))?;
        }
        Ok(())
    }

    /// Output, statistics and gradients of `x`, gain and shift for the loss `sum(output * weights)`.
    fn run(x: &Tensor, weights: &Tensor, affine: &[Tensor; 2], step: &NormStep) -> Result<Vec<Tensor>> {
        let [x, gain, shift] = [x, &affine[0], &affine[1]].map(Var::from_tensor);
        let (x, gain, shift) = (x?, gain?, shift?);
        let found = batch_norm_train(&x, &gain, &shift, step)?;
        let gradients = (&found.output * weights)?.sum_all()?.backward()?;
        let of = |var: &Var| gradients.get(var).cloned().expect("a gradient");
        Ok(vec![found.output, of(&x), found.mean, found.variance, of(&gain), of(&shift)])
    }

    #[test]
    fn ranks_share_the_statistics_of_the_whole_batch() -> Result<()> {
        let shape = [4, 3, 5, 7];
        // Images of levels of their own: the statistics of a part are far from those of all.
        let levels = Tensor::new(&[-3f64, 0.5, 2.0, 9.0], &Device::Cpu)?.reshape((4, 1, 1, 1))?;
        let x = random(1, &shape)?.broadcast_add(&levels)?;
        let (weights, affine) = (random(2, &shape)?, [random(3, &[3])?, random(4, &[3])?]);
        for activation in [Activation::Identity, Activation::Relu, Activation::Gelu] {
            let expected = run(&x, &weights, &affine, &NormStep::new(0.1, activation))?;
            for size in [2, 4] {
                let found = Ranks::on_threads(size, |ranks| {
                    let part = |t: &Tensor| t.narrow(0, ranks.rank() * 4 / size, 4 / size);
                    let step = NormStep { ranks: ranks.clone(), ..NormStep::new(0.1, activation) };
                    run(&part(&x)?, &part(&weights)?, &affine, &step)
                })?;
                let found = found.into_iter().collect::<Result<Vec<_>>>()?;
                for (i, expected) in expected.iter().enumerate() {
                    let each: Vec<_> = found.iter().map(|rank| &rank[i]).collect();
                    match i {
                        0 | 1 => assert_close(&Tensor::cat(&each, 0)?, expected, 1e-13),
                        2 | 3 => each.into_iter().for_each(|own| assert_close(own, expected, 1e-13)),
                        // Gradients of parameters are summed with all others.
                        _ => assert_close(&Tensor::stack(&each, 0)?.sum(0)?, expected, 1e-13),
                    }
                }
            }
        }
        Ok(())
    }

    #[test]
    fn a_large_mean_costs_no_digits() -> Result<()> {
        let x = ((random(1, &[2, 1, 90, 91])? * 0.5)? + 1000.0)?.to_dtype(DType::F32)?;
        let one = Tensor::ones(1, DType::F32, x.device())?;
        let step = NormStep::new(0.0, Activation::Identity);
        let found = batch_norm_train(&x, &one, &one, &step)?;
        let exact = batch_norm_train(
            &x.to_dtype(DType::F64)?,
            &one.to_dtype(DType::F64)?,
            &one.to_dtype(DType::F64)?,
            &step,
        )?;
        assert_close(&found.variance.to_dtype(DType::F64)?, &exact.variance, 1e-6);
        assert_close(&found.mean.to_dtype(DType::F64)?, &exact.mean, 1e-7);
        Ok(())
    }
}

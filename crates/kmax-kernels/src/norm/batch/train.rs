//! A training step of the norm as one operation with its gradient.

use super::kernels::{BLOCK, GRAIN, Moments, each_plane, slopes, spread, spread_in_place, statistics};
use super::{NormStep, planes};
use crate::activation::Activation;
use crate::cpu::{Float, Shared, by_dtype, elements, hold, with_dtype, written};
use crate::error::Result;
use crate::ranks::Ranks;
use candle_core::{CpuStorage, CustomOp3, Layout, Shape, Tensor};
use rayon::prelude::*;
use std::mem::MaybeUninit;

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

//! Scale and offset per channel as one operation with its gradient.

use super::kernels::{BLOCK, dot, each_plane};
use crate::activation::Activation;
use crate::cpu::{Float, by_dtype, elements, hold, with_dtype};
use candle_core::{CpuStorage, CustomOp3, Layout, Shape, Tensor};
use rayon::prelude::*;

/// Scale and offset per channel.
pub(super) struct Affine;

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

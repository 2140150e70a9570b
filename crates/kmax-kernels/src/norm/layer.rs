//! Layer normalisation over one axis.

use crate::columns::{Columns, Lanes, WIDTH, total};
use crate::cpu::{
    Float, by_stored, computed, elements, has_map_kernel, hold, in_float32, simd_fn, with_dtype,
};
use crate::error::{Error, Result};
use crate::gpu::{one_launched, takes};
use crate::matrix::Panel;
use crate::profile;
use candle_core::{CpuStorage, CustomOp3, Layout, Shape, Tensor};

/// Layer norm over axis `axis` of `x`, with `gain` and `shift` of that axis' length. Differentiable in all three. `x` in bfloat16 with the
/// two in float32 is normalised in float32, and the result rounded.
///
/// # Errors
/// If the shapes do not fit.
pub fn layer_norm(x: &Tensor, axis: usize, gain: &Tensor, shift: &Tensor, eps: f64) -> Result<Tensor> {
    let columns = Columns::new(x.dims(), axis)?;
    if gain.dims() != [columns.length] || shift.dims() != [columns.length] {
        let found = (gain.dims(), shift.dims());
        return Err(Error::Argument(format!("layer norm: {found:?} instead of [{}]", columns.length)));
    }
    let fits = gain.dtype() == computed(x.dtype()) && shift.dtype() == gain.dtype();
    if has_map_kernel(x) && fits {
        let op = LayerNorm { columns, eps };
        return profile::pass("layer norm", &[x], || {
            Ok(x.contiguous()?.apply_op3(&gain.contiguous()?, &shift.contiguous()?, op)?)
        });
    }
    let tracked = [x, gain, shift].iter().any(|t| t.track_op());
    if takes(x) && !tracked && gain.dtype() == x.dtype() && shift.dtype() == x.dtype() {
        let launch = columns.launch("layer_norm").floats([eps as f32]);
        let inputs = [x.contiguous()?, gain.contiguous()?, shift.contiguous()?];
        let run = || one_launched(&launch, &inputs.each_ref(), x.shape());
        return profile::pass("layer norm", &[x], run);
    }
    let mut shape = vec![1; x.rank()];
    shape[axis] = columns.length;
    let normalised = in_float32(x, |x| {
        let centred = x.broadcast_sub(&balanced_mean(x, axis)?)?;
        let variance = balanced_mean(&centred.sqr()?, axis)?;
        Ok(centred.broadcast_div(&(variance + eps)?.sqrt()?)?)
    })?;
    Ok(normalised.broadcast_mul(&gain.reshape(shape.as_slice())?)?.broadcast_add(&shift.reshape(shape)?)?)
}

/// The mean over an axis, which is kept, as a mean of means.
///
/// On the processor, Candle adds one after the other: of 2048 positive numbers, the sum is then off by ten times as much as that of a tree.
/// All channels of a pixel would be off by the same factor, and the next product adds that up.
fn balanced_mean(x: &Tensor, axis: usize) -> Result<Tensor> {
    let length = x.dims()[axis];
    let part = (1..=length.isqrt()).rev().find(|part| length.is_multiple_of(*part)).unwrap_or(1);
    if part == 1 {
        return Ok(x.mean_keepdim(axis)?);
    }
    let mut split = x.dims().to_vec();
    split.splice(axis..=axis, [length / part, part]);
    Ok(x.reshape(split)?.mean(axis + 1)?.mean_keepdim(axis)?)
}

struct LayerNorm {
    columns: Columns,
    eps: f64,
}

impl CustomOp3 for LayerNorm {
    fn name(&self) -> &'static str {
        "layer-norm"
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
        by_stored!(x, S, T => {
            let (x, gain, shift) = (elements::<S>(x, l1)?, elements::<T>(gain, l2)?, elements::<T>(shift, l3)?);
            let eps = T::of(self.eps);
            (self.columns.map([x], 0, |[rows], _, _| forward(rows, gain, shift, eps)).0, l1.shape().clone())
        })
    }

    fn bwd(
        &self,
        x: &Tensor,
        gain: &Tensor,
        _: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let (hx, hg, hd) = (hold(x), hold(gain), hold(&grad));
        let length = self.columns.length;
        with_dtype!(x, T => {
            let (gain_values, eps) = (hg.elements::<T>()?, T::of(self.eps));
            let inputs = [hd.elements::<T>()?, hx.elements::<T>()?];
            let (of_x, sums) = self.columns.map(inputs, 2 * length, |[grad, x], real, sums| {
                backward(grad, x, gain_values, eps, real, sums);
            });
            let of = |sums: &[f64]| {
                Tensor::from_vec(sums.iter().map(|s| T::of(*s)).collect::<Vec<T>>(), length, x.device())
            };
            let of_x = Tensor::from_vec(of_x, x.shape(), x.device())?;
            Ok((Some(of_x), Some(of(&sums[..length])?), Some(of(&sums[length..])?)))
        })
    }
}

/// Mean of each lane and one over its standard deviation.
#[inline(always)]
fn moments<T: Float, const N: usize>(rows: &[[T; N]], eps: T) -> ([T; N], [T; N]) {
    let share = T::ONE / T::of(rows.len() as f64);
    let mean =
        total(rows.len(), |i, part: &mut [T; N]| part.iter_mut().zip(&rows[i]).for_each(|(p, x)| *p += *x));
    let mean = mean.map(|sum| sum * share);
    let squares = total(rows.len(), |i, part: &mut [T; N]| {
        for k in 0..N {
            let apart = rows[i][k] - mean[k];
            part[k] += apart * apart;
        }
    });
    (mean, squares.map(|sum| T::ONE / (sum * share + eps).root()))
}

/// Normalises the columns of a panel in place: `rows` has one row of them for each channel.
pub(crate) fn normalize<T: Float>(rows: &mut [T], gain: &[T], shift: &[T], eps: T) {
    match Panel::of::<T>() {
        Panel::Wide => forward(rows.as_chunks_mut::<{ Panel::WIDE }>().0, gain, shift, eps),
        Panel::Narrow => forward(rows.as_chunks_mut::<{ Panel::NARROW }>().0, gain, shift, eps),
    }
}

simd_fn! {
    fn forward[I, T, const N: usize](rows: &mut [[T; N]], gain: &[T], shift: &[T], eps: T) {
        let (mean, inverse) = moments(rows, eps);
        for ((row, gain), shift) in rows.iter_mut().zip(gain).zip(shift) {
            for k in 0..N {
                row[k] = I::mul_add((row[k] - mean[k]) * inverse[k], *gain, *shift);
            }
        }
    }
}

simd_fn! {
    /// `grad` becomes the gradient of `x`; those of the gain and of the shift are added to the two halves of `sums`.
    fn backward[I, T](
        grad: &mut [Lanes<T>],
        x: &mut [Lanes<T>],
        gain: &[T],
        eps: T,
        real: usize,
        sums: &mut [f64],
    ) {
        let (mean, inverse) = moments(x, eps);
        let (of_gain, of_shift) = sums.split_at_mut(x.len());
        for i in 0..x.len() {
            let (mut product, mut plain) = (T::ZERO, T::ZERO);
            for k in 0..WIDTH {
                x[i][k] = (x[i][k] - mean[k]) * inverse[k];
            }
            for k in 0..real {
                product += x[i][k] * grad[i][k];
                plain += grad[i][k];
            }
            of_gain[i] += product.wide();
            of_shift[i] += plain.wide();
            grad[i].iter_mut().for_each(|g| *g *= gain[i]);
        }
        let share = T::ONE / T::of(x.len() as f64);
        let level = total(x.len(), |i, part: &mut Lanes<T>| part.iter_mut().zip(&grad[i]).for_each(|(p, g)| *p += *g));
        let slope = total(x.len(), |i, part: &mut Lanes<T>| {
            for k in 0..WIDTH {
                part[k] = I::mul_add(grad[i][k], x[i][k], part[k]);
            }
        });
        for (grad, x) in grad.iter_mut().zip(x) {
            for k in 0..WIDTH {
                grad[k] = inverse[k] * (grad[k] - share * (level[k] + x[k] * slope[k]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check_gradients, random};
    use candle_core::DType;

    #[test]
    fn every_axis_equals_the_composed_form_and_the_differences() -> Result<()> {
        for shape in [&[6][..], &[3, 70], &[2, 5, 3, 23], &[1, 90, 7, 9]] {
            for axis in 0..shape.len() {
                let x = ((random(1, shape)? * 2.0)? + 3.0)?;
                let (gain, shift) = (random(2, &[shape[axis]])?, random(3, &[shape[axis]])?);
                let mut wide = vec![1; shape.len()];
                wide[axis] = shape[axis];
                let centred = x.broadcast_sub(&x.mean_keepdim(axis)?)?;
                let deviation = (centred.sqr()?.mean_keepdim(axis)? + 1e-2)?.sqrt()?;
                let expected = centred
                    .broadcast_div(&deviation)?
                    .broadcast_mul(&gain.reshape(wide.as_slice())?)?
                    .broadcast_add(&shift.reshape(wide)?)?;
                assert_close(&layer_norm(&x, axis, &gain, &shift, 1e-2)?, &expected, 1e-12);
                let narrow = |t: &Tensor| t.to_dtype(DType::F32);
                let single = layer_norm(&narrow(&x)?, axis, &narrow(&gain)?, &narrow(&shift)?, 1e-2)?;
                assert_close(&single.to_dtype(DType::F64)?, &expected, 3e-6);
                check_gradients(&[x, gain, shift], |v| layer_norm(&v[0], axis, &v[1], &v[2], 1e-2))?;
            }
        }
        let x = random(1, &[2, 3])?;
        assert!(layer_norm(&x, 1, &random(1, &[2])?, &random(1, &[3])?, 0.0).is_err());
        Ok(())
    }
}

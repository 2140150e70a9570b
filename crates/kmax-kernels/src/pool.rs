//! Pooling.

use crate::constants::constant;
use crate::cpu::{
    Float, Stored, by_path, by_stored, elements, has_map_kernel, hold, simd_fn, with_dtype, written,
};
use crate::error::{Error, Result};
use crate::gpu::{Launch, Module, attached, one_launched, takes};
use crate::profile;
use candle_core::{CpuStorage, CustomOp1, DType, Device, Layout, Shape, Tensor};
use rayon::prelude::*;
use std::mem::MaybeUninit;

/// Max pooling of `x` `[b, c, h, w]` with a square window; the padding never wins. Differentiable: the gradient of
/// a window goes to its first maximum in reading order, as in PyTorch.
///
/// # Errors
/// If `x` has not four axes or the window does not fit.
pub fn max_pool2d(x: &Tensor, kernel: usize, stride: usize, padding: usize) -> Result<Tensor> {
    let (batch, channels, height, width) = x.dims4()?;
    let fits = |size: usize| size > 0 && size + 2 * padding >= kernel;
    if !fits(height) || !fits(width) || stride == 0 || padding >= kernel {
        return Err(Error::Argument(format!("max pool: a {kernel} window does not fit {height}x{width}")));
    }
    let out = |size: usize| (size + 2 * padding - kernel) / stride + 1;
    let window = Window { kernel, stride, padding, size: (height, width), out: (out(height), out(width)) };
    if takes(x) {
        return profile::pass("max pool", &[x], || on_device(x, window));
    }
    if !has_map_kernel(x) {
        return composed(x, &window);
    }
    profile::pass("max pool", &[x], || {
        Ok(x.contiguous()?.apply_op1(MaxPool { maps: (batch, channels), window })?)
    })
}

/// Sizes of a pooling.
#[derive(Debug, Clone, Copy)]
struct Window {
    kernel: usize,
    stride: usize,
    padding: usize,
    size: (usize, usize),
    out: (usize, usize),
}

impl Window {
    /// The input positions of output position `i` on an axis of `size`. Never empty: the padding is smaller than the
    /// window, and the last window begins within the padded input.
    fn range(&self, i: usize, size: usize) -> std::ops::Range<usize> {
        let start = i * self.stride;
        let end = (start + self.kernel).saturating_sub(self.padding).min(size);
        start.saturating_sub(self.padding).min(end.saturating_sub(1))..end
    }
}

/// By our kernels, with the gradient.
fn on_device(x: &Tensor, window: Window) -> Result<Tensor> {
    let (batch, channels, ..) = x.dims4()?;
    let Window { kernel, stride, padding, size, out } = window;
    let numbers = [size.0, size.1, out.0, out.1, stride, padding, padding, kernel, batch * channels];
    let x = x.contiguous()?;
    let outputs = batch * channels * out.0 * out.1;
    let forward = Launch::of_threads(Module::Pool, "max_pool", outputs).ints(numbers);
    attached(&forward, &[&x], (batch, channels, out.0, out.1), (&x, &x), move |x, _, grad| {
        let backward = Launch::of_threads(Module::Pool, "max_pool_gradient", x.elem_count()).ints(numbers);
        Ok((Some(one_launched(&backward, &[x, grad], x.shape())?), None))
    })
}

fn composed(x: &Tensor, window: &Window) -> Result<Tensor> {
    // The border repeats the edge: a repeated value is in the window already, so it never changes the maximum.
    let index = |out: usize, offset: usize, size: usize| {
        let place =
            |i: usize| (i * window.stride + offset).saturating_sub(window.padding).min(size - 1) as u32;
        let numbers = [out, offset, size, window.stride, window.padding];
        constant(x.device(), "pooled", &numbers, DType::U32, || {
            Tensor::from_vec((0..out).map(place).collect(), out, &Device::Cpu)
        })
    };
    let mut best: Option<Tensor> = None;
    for dy in 0..window.kernel {
        let rows = index(window.out.0, dy, window.size.0)?;
        let taken = x.index_select(&rows, 2)?;
        for dx in 0..window.kernel {
            let columns = index(window.out.1, dx, window.size.1)?;
            let value = taken.index_select(&columns, 3)?;
            best = Some(match best {
                Some(best) => best.maximum(&value)?,
                None => value,
            });
        }
    }
    best.ok_or_else(|| Error::Argument("max pool: an empty window".into()))
}

struct MaxPool {
    /// Batch and channels.
    maps: (usize, usize),
    window: Window,
}

impl CustomOp1 for MaxPool {
    fn name(&self) -> &'static str {
        "max-pool2d"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let w = &self.window;
        let (area, out_area) = (w.size.0 * w.size.1, w.out.0 * w.out.1);
        by_stored!(x, S, T => {
            let x = elements::<S>(x, layout)?;
            let fill = |out: &mut [MaybeUninit<S>]| {
                let maps = out.par_chunks_exact_mut(out_area).zip(x.par_chunks_exact(area));
                maps.for_each_init(Vec::new, |row, (out, x)| forward::<T, S>(x, w, row, out));
            };
            // SAFETY: the maps tile the buffer and `forward` writes each in full.
            let out = unsafe { written(self.maps.0 * self.maps.1 * out_area, fill) };
            (out, Shape::from((self.maps.0, self.maps.1, w.out.0, w.out.1)))
        })
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        let w = &self.window;
        let grad = grad.contiguous()?;
        let (hx, hd) = (hold(x), hold(&grad));
        with_dtype!(x, T => {
            let (values, grad) = (hx.elements::<T>()?, hd.elements::<T>()?);
            let mut out = vec![T::ZERO; values.len()];
            let area = w.size.0 * w.size.1;
            let maps = out.par_chunks_exact_mut(area).zip(values.par_chunks_exact(area));
            let grads = grad.par_chunks_exact(w.out.0 * w.out.1);
            maps.zip(grads).for_each(|((out, x), grad)| backward(x, grad, w, out));
            Ok(Some(Tensor::from_vec(out, x.shape(), x.device())?))
        })
    }
}

/// Whether `value` takes the place of `best`: a larger one does, and NaN.
#[inline(always)]
fn beats<T: Float>(value: T, best: T) -> bool {
    value > best || value.partial_cmp(&value).is_none()
}

fn forward<T: Float, S: Stored<T>>(x: &[S], w: &Window, row: &mut Vec<T>, out: &mut [MaybeUninit<S>]) {
    by_path! { [T: Float, S: Stored<T>] [T, S] (x: &[S], w: &Window, row: &mut Vec<T>, out: &mut [MaybeUninit<S>]), I => {
        let width = w.size.1;
        for (y, out) in out.chunks_exact_mut(w.out.1).enumerate() {
            // Down the columns first, which runs along whole rows.
            let rows = w.range(y, w.size.0);
            row.clear();
            row.extend(x[rows.start * width..][..width].iter().map(|value| value.wide()));
            for from in x[rows.start * width..rows.end * width].chunks_exact(width).skip(1) {
                for (best, value) in row.iter_mut().zip(from) {
                    let value = value.wide();
                    *best = if beats(value, *best) { value } else { *best };
                }
            }
            for (i, out) in out.iter_mut().enumerate() {
                let values = &row[w.range(i, width)];
                let best = values.iter().fold(values[0], |best, v| if beats(*v, best) { *v } else { best });
                out.write(S::narrowed(best));
            }
        }
    } }
}

simd_fn! {
    /// Adds each gradient to the first maximum of its window.
    fn backward[I, T](x: &[T], grad: &[T], w: &Window, out: &mut [T]) {
        let width = w.size.1;
        let columns: Vec<_> = (0..w.out.1).map(|i| w.range(i, width)).collect();
        for (y, grad) in grad.chunks_exact(w.out.1).enumerate() {
            let rows = w.range(y, w.size.0);
            for (columns, grad) in columns.iter().zip(grad) {
                let mut at = rows.start * width + columns.start;
                let mut best = x[at];
                for row in rows.clone() {
                    let start = row * width + columns.start;
                    for (i, value) in x[start..row * width + columns.end].iter().enumerate() {
                        // Selections rather than branches: which value wins cannot be foreseen.
                        let wins = beats(*value, best);
                        best = if wins { *value } else { best };
                        at = if wins { start + i } else { at };
                    }
                }
                out[at] += *grad;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check_gradients, random};
    use candle_core::Var;

    #[test]
    fn pooling_equals_the_composed_form_and_the_differences() -> Result<()> {
        for (shape, kernel, stride, padding) in [
            ([2, 3, 9, 12], 3, 2, 1),
            ([1, 2, 8, 7], 2, 2, 0),
            ([1, 2, 5, 6], 3, 1, 1),
            ([1, 1, 1, 1], 3, 2, 1),
            ([1, 1, 7, 9], 2, 3, 1),
            ([1, 1, 4, 4], 4, 1, 3),
            ([0, 2, 4, 4], 2, 2, 0),
        ] {
            let x = random(1, &shape)?;
            let y = max_pool2d(&x, kernel, stride, padding)?;
            let out = |size| (size + 2 * padding - kernel) / stride + 1;
            let (size, out) = ((shape[2], shape[3]), (out(shape[2]), out(shape[3])));
            assert_close(&y, &composed(&x, &Window { kernel, stride, padding, size, out })?, 0.0);
            let single = max_pool2d(&x.to_dtype(DType::F32)?, kernel, stride, padding)?;
            assert_close(&single.to_dtype(DType::F64)?, &y, 1e-7);
            if shape[0] > 0 {
                check_gradients(&[x], |v| max_pool2d(&v[0], kernel, stride, padding))?;
            }
        }
        Ok(())
    }

    #[test]
    fn the_first_of_equal_values_takes_the_gradient() -> Result<()> {
        let x = Var::new(&[[[[1f32, 2.0, 2.0], [2.0, 0.0, 1.0]]]], &Device::Cpu)?;
        let grads = max_pool2d(x.as_tensor(), 2, 1, 0)?.sum_all()?.backward()?;
        let grad = grads.get(x.as_tensor()).cloned().unwrap_or(x.zeros_like()?);
        assert_eq!(grad.flatten_all()?.to_vec1::<f32>()?, [0.0, 2.0, 0.0, 0.0, 0.0, 0.0]);
        let nan = Tensor::new(&[[[[1f32, f32::NAN], [2.0, 0.0]]]], &Device::Cpu)?;
        assert!(max_pool2d(&nan, 2, 2, 0)?.flatten_all()?.to_vec1::<f32>()?[0].is_nan());
        assert!(max_pool2d(&nan, 3, 2, 0).is_err() && max_pool2d(&nan, 2, 0, 0).is_err());
        Ok(())
    }
}

//! Bilinear resizing.

use crate::constants::constant;
use crate::cpu::{
    Float, Shared, Stored, by_path, by_stored, elements, has_map_kernel, hold, simd_fn, with_dtype, written,
};
use crate::error::{Error, Result};
use crate::gpu::{Launch, Module, attached, one_launched, takes};
use crate::profile;
use candle_core::{CpuStorage, CustomOp1, DType, Device, Layout, Shape, Tensor};
use rayon::prelude::*;
use std::mem::MaybeUninit;
use std::ops::Range;

/// How sample positions map between sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alignment {
    /// Corner pixel centres coincide (`align_corners=True`).
    Corners,
    /// Image borders coincide (`align_corners=False`, half-pixel centres).
    Borders,
}

/// Bilinear resize of `x` `[b, c, h, w]` to `[b, c, height, width]`, without antialiasing. Differentiable.
///
/// Sample positions are computed in the element type, as PyTorch and TensorFlow do.
///
/// # Errors
/// If `x` has not four axes, or is empty where the result is not.
pub fn resize_bilinear(x: &Tensor, height: usize, width: usize, alignment: Alignment) -> Result<Tensor> {
    let (b, c, h, w) = x.dims4()?;
    if (h, w) == (height, width) {
        return Ok(x.clone());
    }
    if h == 0 || w == 0 || height == 0 || width == 0 {
        return Err(Error::Argument(format!("bilinear resize of {h}x{w} to {height}x{width}")));
    }
    let resize = Resize { shape: (b, c), from: (h, w), to: (height, width), alignment };
    if has_map_kernel(x) {
        return profile::pass("resize", &[x], || Ok(x.contiguous()?.apply_op1(resize)?));
    }
    if takes(x) {
        return profile::pass("resize", &[x], || on_device(x, resize));
    }
    let borders = usize::from(alignment == Alignment::Borders);
    let matrix = |from: usize, to: usize, transposed: bool| {
        let numbers = [from, to, borders, usize::from(transposed)];
        constant(x.device(), "resize", &numbers, x.dtype(), || {
            weights(x.dtype(), (from, to), alignment, transposed)
        })
    };
    let wide = x.contiguous()?.reshape((b * c * h, w))?.matmul(&matrix(w, width, true)?)?;
    let tall =
        matrix(h, height, false)?.unsqueeze(0)?.broadcast_matmul(&wide.reshape((b * c, h, width))?)?;
    Ok(tall.reshape((b, c, height, width))?)
}

/// By our kernels, with the gradient.
fn on_device(x: &Tensor, resize: Resize) -> Result<Tensor> {
    let Resize { shape: (batch, channels), from, to, alignment } = resize;
    let [(scale_y, half), (scale_x, _)] =
        [(from.0, to.0), (from.1, to.1)].map(|(from, to)| scale::<f32>(from, to, alignment));
    let launch = move |kernel, threads| {
        Launch::of_threads(Module::Resize, kernel, threads)
            .ints([batch * channels, from.0, from.1, to.0, to.1])
            .floats([scale_y, scale_x, half])
    };
    let x = x.contiguous()?;
    let forward = launch("resize", batch * channels * to.0 * to.1);
    attached(&forward, &[&x], (batch, channels, to.0, to.1), (&x, &x), move |x, _, grad| {
        let backward = launch("resize_gradient", x.elem_count());
        Ok((Some(one_launched(&backward, &[grad], x.shape())?), None))
    })
}

/// The matrix `[to, from]` that resizes an axis, or the transposed one, in float64 on the CPU. The samples are computed in the
/// element type.
fn weights(
    dtype: DType,
    (from, to): (usize, usize),
    alignment: Alignment,
    transposed: bool,
) -> candle_core::Result<Tensor> {
    let mut matrix = vec![0f64; to * from];
    let wide = |Sample { low, high, share }: Sample<f32>| Sample { low, high, share: f64::from(share) };
    let samples: Vec<Sample<f64>> = match dtype {
        DType::F64 => samples(from, to, alignment),
        _ => samples(from, to, alignment).into_iter().map(wide).collect(),
    };
    for (i, Sample { low, high, share }) in samples.into_iter().enumerate() {
        matrix[i * from + low] += 1.0 - share;
        matrix[i * from + high] += share;
    }
    let matrix = Tensor::from_vec(matrix, (to, from), &Device::Cpu)?;
    if transposed { matrix.t()?.contiguous() } else { Ok(matrix) }
}

/// Where one output position lies: `low * (1 - share) + high * share`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sample<T> {
    pub low: usize,
    pub high: usize,
    pub share: T,
}

/// Inputs per output on one axis, and what is added to a position before that and taken off behind it.
pub(crate) fn scale<T: Float>(from: usize, to: usize, alignment: Alignment) -> (T, T) {
    let float = |i: usize| T::of(i as f64);
    match alignment {
        Alignment::Corners if to == 1 => (T::ZERO, T::ZERO),
        Alignment::Corners => (float(from - 1) / float(to - 1), T::ZERO),
        Alignment::Borders => (float(from) / float(to), T::of(0.5)),
    }
}

/// The samples of one axis.
pub(crate) fn samples<T: Float>(from: usize, to: usize, alignment: Alignment) -> Vec<Sample<T>> {
    let float = |i: usize| T::of(i as f64);
    let (scale, half) = scale::<T>(from, to, alignment);
    let sample = |i: usize| {
        let position = ((float(i) + half) * scale - half).maximum(T::ZERO);
        let low = (position.wide() as usize).min(from - 1);
        let share = (position - float(low)).maximum(T::ZERO);
        Sample { low, high: (low + 1).min(from - 1), share: if share > T::ONE { T::ONE } else { share } }
    };
    (0..to).map(sample).collect()
}

struct Resize {
    shape: (usize, usize),
    from: (usize, usize),
    to: (usize, usize),
    alignment: Alignment,
}

/// Output rows of one task.
const BAND: usize = 64;

impl CustomOp1 for Resize {
    fn name(&self) -> &'static str {
        "resize-bilinear"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let (from, to, maps) = (self.from, self.to, self.shape.0 * self.shape.1);
        let bands = to.0.div_ceil(BAND);
        by_stored!(x, S, T => {
            let x = elements::<S>(x, layout)?;
            let rows = samples::<T>(from.0, to.0, self.alignment);
            let columns = samples::<T>(from.1, to.1, self.alignment);
            let fill = |out: &mut [MaybeUninit<S>]| {
                let out = Shared::unwritten(out);
                (0..maps * bands).into_par_iter().for_each_init(Vec::new, |scratch, task| {
                    let (map, first) = (task / bands, task % bands * BAND);
                    let rows = &rows[first..to.0.min(first + BAND)];
                    let start = (map * to.0 + first) * to.1;
                    // SAFETY: the bands of rows tile the buffer.
                    let out = unsafe { out.unwritten_slice(start, rows.len() * to.1) };
                    band::<T, S>(&x[map * from.0 * from.1..][..from.0 * from.1], from.1, rows, &columns, scratch, out);
                });
            };
            // SAFETY: the bands tile the buffer and `band` writes each in full.
            let out = unsafe { written(maps * to.0 * to.1, fill) };
            (out, Shape::from((self.shape.0, self.shape.1, to.0, to.1)))
        })
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        let (from, to) = (self.from, self.to);
        let grad = grad.contiguous()?;
        let held = hold(&grad);
        with_dtype!(x, T => {
            let grad = held.elements::<T>()?;
            let rows = samples::<T>(from.0, to.0, self.alignment);
            let columns = samples::<T>(from.1, to.1, self.alignment);
            let mut out = vec![T::ZERO; x.elem_count()];
            let rows = meeting(&rows, from.0);
            let maps = out.par_chunks_exact_mut(from.0 * from.1).zip(grad.par_chunks_exact(to.0 * to.1));
            maps.for_each_init(
                || vec![T::ZERO; to.1],
                |row, (out, grad)| {
                    for (weights, out) in rows.iter().zip(out.chunks_exact_mut(from.1)) {
                        row.fill(T::ZERO);
                        for (y, weight) in weights {
                            add(&grad[y * to.1..][..to.1], *weight, row);
                        }
                        for (Sample { low, high, share }, value) in columns.iter().zip(row.iter()) {
                            out[*low] += *value * (T::ONE - *share);
                            out[*high] += *value * *share;
                        }
                    }
                },
            );
            Ok(Some(Tensor::from_vec(out, x.shape(), x.device())?))
        })
    }
}

/// For each input row the output rows that it meets, with its weights.
fn meeting<T: Float>(samples: &[Sample<T>], from: usize) -> Vec<Vec<(usize, T)>> {
    let mut rows = vec![Vec::new(); from];
    for (i, Sample { low, high, share }) in samples.iter().enumerate() {
        rows[*low].push((i, T::ONE - *share));
        rows[*high].push((i, *share));
    }
    rows
}

simd_fn! {
    /// `to += from * weight`.
    fn add[I, T](from: &[T], weight: T, to: &mut [T]) {
        for (to, from) in to.iter_mut().zip(from) {
            *to = I::mul_add(*from, weight, *to);
        }
    }
}

/// The output rows `rows` of the map `x`, whose rows are `width` wide. Input rows are widened once, as the output
/// rows run down them in order.
fn band<T: Float, S: Stored<T>>(
    x: &[S],
    width: usize,
    rows: &[Sample<T>],
    columns: &[Sample<T>],
    scratch: &mut Vec<T>,
    out: &mut [MaybeUninit<S>],
) {
    scratch.resize(2 * columns.len(), T::ZERO);
    let (mut above, mut below) = scratch.split_at_mut(columns.len());
    let mut held: Range<Option<usize>> = None..None;
    for (sample, out) in rows.iter().zip(out.chunks_exact_mut(columns.len())) {
        if held.start != Some(sample.low) {
            if held.end == Some(sample.low) {
                std::mem::swap(&mut above, &mut below);
                held = held.end..None;
            } else {
                widen(&x[sample.low * width..][..width], columns, above);
                held.start = Some(sample.low);
            }
        }
        if held.end != Some(sample.high) {
            widen(&x[sample.high * width..][..width], columns, below);
            held.end = Some(sample.high);
        }
        mix(above, below, sample.share, out);
    }
}

fn widen<T: Float, S: Stored<T>>(row: &[S], columns: &[Sample<T>], out: &mut [T]) {
    for (out, Sample { low, high, share }) in out.iter_mut().zip(columns) {
        *out = row[*low].wide() * (T::ONE - *share) + row[*high].wide() * *share;
    }
}

fn mix<T: Float, S: Stored<T>>(above: &[T], below: &[T], share: T, out: &mut [MaybeUninit<S>]) {
    by_path! { [T: Float, S: Stored<T>] [T, S] (above: &[T], below: &[T], share: T, out: &mut [MaybeUninit<S>]), I => {
        let rest = T::ONE - share;
        for ((out, above), below) in out.iter_mut().zip(above).zip(below) {
            out.write(S::narrowed(I::mul_add(*above, rest, *below * share)));
        }
    } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check_gradients, random};
    use crate::twins::maps::resized;

    #[test]
    fn resizing_equals_the_definition_and_the_differences() -> Result<()> {
        for (shape, height, width) in [
            ([2, 2, 4, 5], 7, 9),
            ([1, 3, 5, 3], 9, 5),
            ([1, 1, 9, 8], 4, 3),
            ([1, 2, 1, 1], 3, 4),
            ([1, 1, 3, 1], 5, 4),
            ([1, 1, 6, 7], 1, 1),
            ([1, 1, 4, 4], 150, 4),
            ([0, 1, 2, 2], 4, 4),
        ] {
            let x = random(1, &shape)?;
            for alignment in [Alignment::Corners, Alignment::Borders] {
                let expected = resized(&x, height, width, alignment)?;
                assert_close(&resize_bilinear(&x, height, width, alignment)?, &expected, 1e-13);
                let single = resize_bilinear(&x.to_dtype(DType::F32)?, height, width, alignment)?;
                assert_close(&single.to_dtype(DType::F64)?, &expected, 3e-6);
                if shape[0] > 0 {
                    check_gradients(std::slice::from_ref(&x), |v| {
                        resize_bilinear(&v[0], height, width, alignment)
                    })?;
                }
            }
        }
        let x = random(1, &[1, 1, 3, 4])?;
        assert!(resize_bilinear(&x, 0, 4, Alignment::Corners).is_err());
        assert_close(&resize_bilinear(&x, 3, 4, Alignment::Corners)?, &x, 0.0);
        Ok(())
    }

    #[test]
    fn positions_are_computed_in_the_element_type() {
        // 3 * (5 / 7) in float32 differs from float64 in the seventh digit; PyTorch and TensorFlow keep that.
        let single = samples::<f32>(6, 8, Alignment::Corners);
        assert_eq!(single[3].share, 3.0 * (5.0f32 / 7.0) - 2.0);
        assert_eq!((single[7].low, single[7].high), (5, 5));
        let borders = samples::<f32>(2, 4, Alignment::Borders);
        assert_eq!(borders[0], Sample { low: 0, high: 1, share: 0.0 });
        assert_eq!(borders[1].share, 0.25);
    }
}

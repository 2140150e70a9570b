//! The two halves of a k-means step: the best center of each pixel, and the sum of each center's pixels.

use crate::constants::constant;
use crate::cpu::{Float, by_dtype, elements, has_kernel, hold, simd_fn, with_dtype, written};
use crate::error::{Error, Result};
use crate::gpu::{Launch, Module, THREADS, attached, launched, one_launched, takes};
use crate::profile;
use candle_core::{CpuStorage, CustomOp1, CustomOp2, DType, Device, Layout, Shape, Tensor, bail};
use rayon::prelude::*;
use std::mem::MaybeUninit;

/// Pixels of one parallel piece.
const PIECE: usize = 2048;
/// Channels that one task sums at once.
const CHANNELS: usize = 8;

/// The index of the largest of `[b, centers, pixels]` over the centers, `[b, pixels]` (`u32`); the first of equal ones
/// wins. No gradient passes.
///
/// # Errors
/// If `logits` has not three axes.
pub fn nearest_center(logits: &Tensor) -> Result<Tensor> {
    let (batch, centers, pixels) = logits.dims3()?;
    let logits = logits.detach();
    if centers == 0 {
        return Err(Error::Argument(format!("nearest center: {:?} has none", logits.dims())));
    }
    if takes(&logits) {
        let launch = Launch::of_threads(Module::KMeans, "nearest_center", batch * pixels)
            .ints([batch, centers, pixels]);
        let run = || {
            let outputs = [(Shape::from((batch, pixels)), DType::U32)];
            let nearest = launched(&launch, &[&logits.contiguous()?], &outputs)?.pop();
            nearest.ok_or_else(|| Error::Argument("nearest center: no result".into()))
        };
        return profile::pass("nearest center", &[&logits], run);
    }
    if !has_kernel(&logits) {
        return first_of_the_largest(&logits, centers);
    }
    let op = Nearest { batch, centers, pixels };
    profile::pass("nearest center", &[&logits], || Ok(logits.contiguous()?.apply_op1_no_bwd(&op)?))
}

/// By our kernels, with the gradient of `values`. An index that is no center belongs to none.
fn sums_on_device(
    values: &Tensor,
    assignment: &Tensor,
    [batch, channels, pixels, centers]: [usize; 4],
) -> Result<Tensor> {
    /// Channels of a block, `CHANNELS` of the kernels' text.
    const TOGETHER: usize = 4;
    let blocks = batch * channels.div_ceil(TOGETHER) * centers.div_ceil(THREADS);
    let forward = Launch::of_blocks(Module::KMeans, "center_sums", blocks).ints([channels, pixels, centers]);
    let (values, assignment) = (values.contiguous()?, assignment.contiguous()?);
    let shape = (batch, channels, centers);
    attached(
        &forward,
        &[&values, &assignment],
        shape,
        (&values, &assignment),
        move |values, assignment, grad| {
            let backward = Launch::of_threads(Module::KMeans, "center_sums_gradient", values.elem_count())
                .ints([batch, channels, pixels, centers]);
            Ok((Some(one_launched(&backward, &[grad, assignment], values.shape())?), None))
        },
    )
}

/// By Candle's operations, whose argmax may give any of equal ones.
fn first_of_the_largest(logits: &Tensor, centers: usize) -> Result<Tensor> {
    let falling = constant(logits.device(), "falling", &[centers], DType::F32, || {
        Tensor::from_vec((1..=centers as u32).rev().collect(), (1, centers, 1), &Device::Cpu)
    })?;
    let largest = logits.broadcast_eq(&logits.max_keepdim(1)?)?.to_dtype(DType::F32)?;
    // The first has the largest number. Without any, as of NaN, all are 0, and one of them is given.
    Ok(largest.broadcast_mul(&falling)?.argmax(1)?)
}

/// The sum of the values of each center's pixels: `[b, channels, pixels]` and `assignment` `[b, pixels]` (`u32`) to
/// `[b, channels, centers]`, added up in float64. Differentiable in `values`.
///
/// # Errors
/// If the shapes do not fit or an index is no center.
pub fn center_sums(values: &Tensor, assignment: &Tensor, centers: usize) -> Result<Tensor> {
    let (batch, channels, pixels) = values.dims3()?;
    if assignment.dims() != [batch, pixels] || assignment.dtype() != DType::U32 {
        let found = (assignment.dims(), assignment.dtype());
        return Err(Error::Argument(format!("center sums: {found:?} instead of [{batch}, {pixels}] of u32")));
    }
    if takes(values) && centers > 0 {
        let sizes = [batch, channels, pixels, centers];
        return profile::pass("center sums", &[values, assignment], || {
            sums_on_device(values, assignment, sizes)
        });
    }
    if !has_kernel(values) {
        let center = constant(values.device(), "centers", &[centers], DType::U32, || {
            Tensor::from_vec((0..centers as u32).collect(), (1, 1, centers), &Device::Cpu)
        })?;
        // [b, pixels, centers], one 1 a pixel.
        let members = assignment.unsqueeze(2)?.broadcast_eq(&center)?.to_dtype(values.dtype())?;
        return Ok(values.contiguous()?.matmul(&members.contiguous()?)?);
    }
    let op = Sums { batch, channels, pixels, centers };
    profile::pass("center sums", &[values, assignment], || {
        Ok(values.contiguous()?.apply_op2(&assignment.contiguous()?, op)?)
    })
}

struct Nearest {
    batch: usize,
    centers: usize,
    pixels: usize,
}

impl CustomOp1 for Nearest {
    fn name(&self) -> &'static str {
        "nearest-center"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let nearest = match x {
            CpuStorage::F64(_) => self.nearest::<f64>(elements(x, layout)?),
            _ => self.nearest::<f32>(elements(x, layout)?),
        };
        Ok((CpuStorage::U32(nearest), Shape::from((self.batch, self.pixels))))
    }
}

impl Nearest {
    fn nearest<T: Float>(&self, x: &[T]) -> Vec<u32> {
        let mut nearest = vec![0; self.batch * self.pixels];
        let images =
            nearest.par_chunks_mut(self.pixels.max(1)).zip(x.par_chunks(self.centers * self.pixels.max(1)));
        images.for_each(|(nearest, x)| {
            let pieces = nearest.par_chunks_mut(PIECE).enumerate();
            pieces.for_each_init(Vec::new, |best, (piece, nearest)| {
                let (start, len) = (piece * PIECE, nearest.len());
                let row = |center: usize| &x[center * self.pixels + start..][..len];
                best.clear();
                best.extend_from_slice(row(0));
                for center in 1..self.centers {
                    better(row(center), center as u32, best, nearest);
                }
            });
        });
        nearest
    }
}

simd_fn! {
    /// Where `row` is larger than `best`, it takes its place, and `center` that in `at`.
    fn better[I, T](row: &[T], center: u32, best: &mut [T], at: &mut [u32]) {
        for ((value, best), at) in row.iter().zip(best).zip(at) {
            let larger = *value > *best;
            *best = if larger { *value } else { *best };
            *at = if larger { center } else { *at };
        }
    }
}

struct Sums {
    batch: usize,
    channels: usize,
    pixels: usize,
    centers: usize,
}

impl Sums {
    /// For each block of at most [`CHANNELS`] rows of an image: its place among all rows.
    fn blocks(&self) -> Vec<(usize, usize)> {
        let per_image = (0..self.channels).step_by(CHANNELS);
        let block =
            |image: usize, from: usize| (image * self.channels + from, CHANNELS.min(self.channels - from));
        (0..self.batch).flat_map(|image| per_image.clone().map(move |from| block(image, from))).collect()
    }

    fn sum<T: Float>(&self, values: &[T], assignment: &[u32]) -> Vec<T> {
        let sums: Vec<Vec<T>> = self
            .blocks()
            .into_par_iter()
            .map(|(row, count)| {
                let image = row / self.channels;
                let assignment = &assignment[image * self.pixels..][..self.pixels];
                let values = &values[row * self.pixels..][..count * self.pixels];
                let mut sums = vec![[0f64; CHANNELS]; self.centers];
                for (i, center) in assignment.iter().enumerate() {
                    let sums = &mut sums[*center as usize];
                    for (channel, sum) in sums[..count].iter_mut().enumerate() {
                        *sum += values[channel * self.pixels + i].wide();
                    }
                }
                (0..count).flat_map(|channel| sums.iter().map(move |sums| T::of(sums[channel]))).collect()
            })
            .collect();
        sums.concat()
    }
}

impl CustomOp2 for Sums {
    fn name(&self) -> &'static str {
        "center-sums"
    }

    fn cpu_fwd(
        &self,
        values: &CpuStorage,
        l1: &Layout,
        assignment: &CpuStorage,
        l2: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let CpuStorage::U32(assignment) = assignment else { bail!("an assignment is made of u32") };
        let Some((start, end)) = l2.contiguous_offsets() else { bail!("kernels want contiguous tensors") };
        let assignment = &assignment[start..end];
        if let Some(index) = assignment.iter().find(|index| **index as usize >= self.centers) {
            bail!("center {index} of {}", self.centers);
        }
        by_dtype!(values, T => {
            let sums = self.sum(elements::<T>(values, l1)?, assignment);
            (sums, Shape::from((self.batch, self.channels, self.centers)))
        })
    }

    fn bwd(
        &self,
        values: &Tensor,
        assignment: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let held = hold(&grad);
        let assignment = assignment.flatten_all()?.to_vec1::<u32>()?;
        with_dtype!(values, T => {
            let grad = held.elements::<T>()?;
            let fill = |out: &mut [MaybeUninit<T>]| {
                let rows = out.par_chunks_mut(self.pixels.max(1)).zip(grad.par_chunks(self.centers.max(1)));
                rows.enumerate().for_each(|(row, (out, grad))| {
                    let assignment = &assignment[row / self.channels * self.pixels..][..self.pixels];
                    for (out, center) in out.iter_mut().zip(assignment) {
                        out.write(grad[*center as usize]);
                    }
                });
            };
            // SAFETY: the rows tile the buffer, and each is written in full.
            let out = unsafe { written(values.elem_count(), fill) };
            Ok((Some(Tensor::from_vec(out, values.shape(), values.device())?), None))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check_gradients, random};

    #[test]
    fn both_halves_equal_the_composed_form() -> Result<()> {
        for (batch, centers, channels, pixels) in [(1, 1, 1, 1), (2, 7, 19, 33), (1, 40, 8, 5000)] {
            let logits = random(1, &[batch, centers, pixels])?;
            let nearest = nearest_center(&logits)?;
            assert_eq!(nearest.to_vec2::<u32>()?, logits.argmax(1)?.to_vec2::<u32>()?);
            let single = logits.to_dtype(DType::F32)?;
            assert_eq!(nearest_center(&single)?.to_vec2::<u32>()?, nearest.to_vec2::<u32>()?);

            let values = random(2, &[batch, channels, pixels])?;
            let all = Tensor::arange(0u32, centers as u32, values.device())?.reshape((1, 1, centers))?;
            let members = nearest.unsqueeze(2)?.broadcast_eq(&all)?.to_dtype(DType::F64)?;
            let expected = values.matmul(&members)?;
            assert_close(&center_sums(&values, &nearest, centers)?, &expected, 1e-13);
            let single = center_sums(&values.to_dtype(DType::F32)?, &nearest, centers)?;
            assert_close(&single.to_dtype(DType::F64)?, &expected, 1e-6);
            check_gradients(&[values], |v| center_sums(&v[0], &nearest, centers))?;
        }
        Ok(())
    }

    #[test]
    fn ties_go_to_the_first_and_strangers_are_refused() -> Result<()> {
        let logits = Tensor::new(&[[[1f32, 5.0], [1.0, 5.0], [0.0, 6.0]]], &candle_core::Device::Cpu)?;
        let nearest = nearest_center(&logits)?;
        assert_eq!(nearest.to_vec2::<u32>()?, [[0, 2]]);
        assert!(center_sums(&logits, &nearest, 2).is_err());
        assert!(center_sums(&logits, &nearest.to_dtype(DType::I64)?, 3).is_err());
        Ok(())
    }
}

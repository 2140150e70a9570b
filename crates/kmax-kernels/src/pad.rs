//! Zeros around maps.

use crate::cpu::{Plain, by_stored, copied, elements, has_map_kernel, written, zeroed};
use crate::error::{Error, Result};
use crate::profile;
use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor};
use rayon::prelude::*;
use std::mem::MaybeUninit;

/// `x` `[b, c, h, w]` with `before` zeros above and on the left of each map and `after` below and on the right: one pass,
/// where Candle copies the map once for each axis. Differentiable.
///
/// # Errors
/// If `x` has not four axes.
pub fn pad(x: &Tensor, before: usize, after: usize) -> Result<Tensor> {
    let (batch, channels, height, width) = x.dims4()?;
    if (before, after) == (0, 0) {
        return Ok(x.clone());
    }
    if !has_map_kernel(x) {
        return Ok(x.pad_with_zeros(2, before, after)?.pad_with_zeros(3, before, after)?);
    }
    let longer = |size: usize| {
        let fail = || Error::Argument(format!("pad: {before} and {after} zeros around {size} are too many"));
        size.checked_add(before).and_then(|size| size.checked_add(after)).ok_or_else(fail)
    };
    let op = Pad {
        before,
        size: (height, width),
        out: (longer(height)?, longer(width)?),
        maps: (batch, channels),
    };
    profile::pass("pad", &[x], || Ok(x.contiguous()?.apply_op1(op)?))
}

struct Pad {
    before: usize,
    size: (usize, usize),
    out: (usize, usize),
    /// Batch and channels.
    maps: (usize, usize),
}

impl CustomOp1 for Pad {
    fn name(&self) -> &'static str {
        "pad"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let shape = Shape::from((self.maps.0, self.maps.1, self.out.0, self.out.1));
        by_stored!(x, T => {
            let x = elements::<T>(x, layout)?;
            // SAFETY: the maps tile the buffer and `frame` writes each in full.
            let out = unsafe { written(shape.elem_count(), |out| self.forward::<T>(x, out)) };
            (out, shape)
        })
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        let (height, width) = self.size;
        Ok(Some(grad.narrow(2, self.before, height)?.narrow(3, self.before, width)?.contiguous()?))
    }
}

impl Pad {
    fn forward<T: Plain>(&self, x: &[T], out: &mut [MaybeUninit<T>]) {
        let (height, width) = self.size;
        let maps = out.par_chunks_exact_mut((self.out.0 * self.out.1).max(1)).enumerate();
        maps.for_each(|(map, out)| self.frame(&x[map * height * width..][..height * width], out));
    }

    /// One map in its frame.
    fn frame<T: Plain>(&self, map: &[T], out: &mut [MaybeUninit<T>]) {
        let (height, width) = self.size;
        for (y, row) in out.chunks_exact_mut(self.out.1.max(1)).enumerate() {
            match y.checked_sub(self.before).filter(|y| *y < height) {
                Some(y) => {
                    zeroed(&mut row[..self.before]);
                    copied(&mut row[self.before..][..width], &map[y * width..][..width]);
                    zeroed(&mut row[self.before + width..]);
                }
                None => zeroed(row),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, check_gradients, random};

    #[test]
    fn it_equals_candle_and_its_gradient_the_differences() -> Result<()> {
        for (shape, before, after) in
            [([2, 3, 4, 5], 1, 2), ([1, 2, 3, 7], 0, 1), ([1, 1, 1, 1], 2, 0), ([1, 2, 0, 3], 1, 1)]
        {
            let x = random(1, &shape)?;
            let expected = x.pad_with_zeros(2, before, after)?.pad_with_zeros(3, before, after)?;
            let found = pad(&x, before, after)?;
            assert_eq!(found.dims(), expected.dims());
            if x.elem_count() > 0 {
                assert_close(&found, &expected, 0.0);
                check_gradients(&[x], |v| pad(&v[0], before, after))?;
            }
        }
        let x = random(1, &[1, 1, 2, 2])?;
        assert!(pad(&x, usize::MAX, 1).is_err() && pad(&x.squeeze(0)?, 1, 1).is_err());
        assert_close(&pad(&x, 0, 0)?, &x, 0.0);
        Ok(())
    }
}

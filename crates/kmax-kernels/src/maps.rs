//! Maps in bfloat16 beside float32.

use crate::cpu::{Stored, elements, has_map_kernel, wrap, written};
use crate::error::Result;
use crate::profile;
use candle_core::{CpuStorage, CustomOp1, DType, Layout, Shape, Tensor, bail};
use half::bf16;
use rayon::prelude::*;
use std::mem::MaybeUninit;

/// Elements of one parallel piece.
const PIECE: usize = 64 * 1024;

/// A map in float32 if it is one in bfloat16 that the CPU's kernels take; otherwise as it is.
///
/// # Errors
/// If Candle fails.
pub fn widened(x: &Tensor) -> Result<Tensor> {
    if x.dtype() != DType::BF16 || !has_map_kernel(x) {
        return Ok(x.clone());
    }
    profile::pass("to float32", &[x], || Ok(x.contiguous()?.apply_op1_no_bwd(&Widen)?))
}

/// The sum of two maps of one shape: of their type, or in float32 if one alone is in bfloat16.
///
/// # Errors
/// If the shapes differ.
pub fn add_maps(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    if a.dtype() == b.dtype() {
        return Ok((a + b)?);
    }
    Ok((widened(a)? + widened(b)?)?)
}

struct Widen;

impl CustomOp1 for Widen {
    fn name(&self) -> &'static str {
        "to-float32"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let CpuStorage::BF16(_) = x else { bail!("a map in bfloat16 is expected") };
        let x = elements::<bf16>(x, layout)?;
        let fill = |out: &mut [MaybeUninit<f32>]| {
            let pieces = out.par_chunks_mut(PIECE).zip(x.par_chunks(PIECE));
            pieces.for_each(|(out, x)| {
                out.iter_mut().zip(x).for_each(|(out, x)| {
                    out.write(x.wide());
                });
            });
        };
        // SAFETY: the pieces tile the buffer and each is written in full.
        wrap((unsafe { written(x.len(), fill) }, layout.shape().clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn maps_become_float32_and_others_stay() -> Result<()> {
        let x = Tensor::randn(0f32, 1.0, (2, 3, 170, 141), &Device::Cpu)?;
        let rounded = x.to_dtype(DType::BF16)?;
        let expected = rounded.to_dtype(DType::F32)?;
        let same = |a: &Tensor, b: &Tensor| -> Result<bool> {
            Ok(a.flatten_all()?.to_vec1::<f32>()? == b.flatten_all()?.to_vec1::<f32>()?)
        };
        assert!(same(&widened(&rounded)?, &expected)?);
        let view = rounded.transpose(2, 3)?;
        assert!(same(&widened(&view)?, &expected.transpose(2, 3)?.contiguous()?)?);
        assert!(same(&widened(&x)?, &x)?);
        assert!(same(&add_maps(&x, &rounded)?, &(&x + expected)?)?);
        assert_eq!(add_maps(&rounded, &rounded)?.dtype(), DType::BF16);
        Ok(())
    }
}

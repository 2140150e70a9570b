//! Sums over ranks as an operation of the gradient.

use super::Ranks;
use crate::error::Result;
use candle_core::{CpuStorage, CustomOp1, DType, Device, Layout, Shape, Tensor};

/// Each element's sum over the ranks. A rank's loss is its part of the whole, so the gradient is the sum of all ranks' gradients.
///
/// # Errors
/// As [`Ranks::meet`].
pub(crate) fn across(x: &Tensor, ranks: &Ranks) -> Result<Tensor> {
    if ranks.size() == 1 {
        return Ok(x.clone());
    }
    let (device, dtype) = (x.device(), x.dtype());
    let wide = x.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.contiguous()?;
    Ok(wide.apply_op1(Across(ranks.clone()))?.to_dtype(dtype)?.to_device(device)?)
}

struct Across(Ranks);

impl CustomOp1 for Across {
    fn name(&self) -> &'static str {
        "sum-over-ranks"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let mut values = crate::cpu::elements::<f64>(x, layout)?.to_vec();
        self.0.sum(&mut values)?;
        Ok((CpuStorage::F64(values), layout.shape().clone()))
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        let mut values = grad.flatten_all()?.to_vec1::<f64>()?;
        self.0.sum(&mut values)?;
        Ok(Some(Tensor::from_vec(values, grad.shape(), grad.device())?))
    }
}

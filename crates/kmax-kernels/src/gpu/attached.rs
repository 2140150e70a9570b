//! A gradient for what a launch makes.

use super::launch::{Launch, stored};
use crate::error::Result;
use candle_core::{
    CpuStorage, CudaStorage, CustomOp2, Layout, MetalStorage, Result as CandleResult, Shape, Storage, Tensor,
    bail,
};
use std::sync::{Mutex, PoisonError};

/// What `launch` makes of `a` and `b`, as a function of both whose gradients `backward` gives: of `a`, `b` and the gradient of the
/// result.
///
/// Candle makes differentiable tensors by way of an operation that computes them; a launch has its result before it gets there.
///
/// # Errors
/// As [`super::launched`].
pub(crate) fn attached<F>(
    launch: &Launch,
    inputs: &[&Tensor],
    shape: impl Into<Shape>,
    (a, b): (&Tensor, &Tensor),
    backward: F,
) -> Result<Tensor>
where
    F: Fn(&Tensor, &Tensor, &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> + Send + Sync + 'static,
{
    let shape = shape.into();
    let result = stored(launch, inputs, &[(shape.clone(), a.dtype())])?.pop();
    Ok(a.apply_op2(b, Attached { result: Mutex::new(result), shape, backward })?)
}

/// As [`attached`], of a contiguous result that is a tensor already, of which a copy is made.
///
/// # Errors
/// If Candle fails.
pub(crate) fn attached_to<F>(result: &Tensor, (a, b): (&Tensor, &Tensor), backward: F) -> Result<Tensor>
where
    F: Fn(&Tensor, &Tensor, &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> + Send + Sync + 'static,
{
    let copy = {
        let (storage, layout) = result.storage_and_layout();
        storage.try_clone(layout)?
    };
    Ok(a.apply_op2(b, Attached { result: Mutex::new(Some(copy)), shape: result.shape().clone(), backward })?)
}

struct Attached<F> {
    result: Mutex<Option<Storage>>,
    shape: Shape,
    backward: F,
}

impl<F> Attached<F> {
    /// The result, which is asked for once.
    fn take(&self) -> Option<Storage> {
        self.result.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<F> CustomOp2 for Attached<F>
where
    F: Fn(&Tensor, &Tensor, &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> + Send + Sync,
{
    fn name(&self) -> &'static str {
        "attached"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> CandleResult<(CpuStorage, Shape)> {
        match self.take() {
            Some(Storage::Cpu(storage)) => Ok((storage, self.shape.clone())),
            _ => bail!("no result on the CPU"),
        }
    }

    fn cuda_fwd(
        &self,
        _: &CudaStorage,
        _: &Layout,
        _: &CudaStorage,
        _: &Layout,
    ) -> CandleResult<(CudaStorage, Shape)> {
        match self.take() {
            Some(Storage::Cuda(storage)) => Ok((storage, self.shape.clone())),
            _ => bail!("no result on a CUDA device"),
        }
    }

    fn metal_fwd(
        &self,
        _: &MetalStorage,
        _: &Layout,
        _: &MetalStorage,
        _: &Layout,
    ) -> CandleResult<(MetalStorage, Shape)> {
        match self.take() {
            Some(Storage::Metal(storage)) => Ok((storage, self.shape.clone())),
            _ => bail!("no result on a Metal device"),
        }
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> CandleResult<(Option<Tensor>, Option<Tensor>)> {
        Ok((self.backward)(a, b, &grad.contiguous()?)?)
    }
}

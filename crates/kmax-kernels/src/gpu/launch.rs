//! One launch of a kernel, without a device in it.

use super::source::{Module, real};
use crate::error::{Error, Result};
#[cfg(feature = "cuda")]
use candle_core::Device;
use candle_core::op::BackpropOp;
use candle_core::{DType, Shape, Storage, Tensor};

/// Threads of a block, of all kernels: `THREADS` of their text.
pub(crate) const THREADS: usize = 256;

/// Elements of a tensor that an index reaches, with what the last block has too many.
const MOST: usize = i32::MAX as usize - THREADS;

/// A number among the arguments of a kernel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
    Int(i32),
    Float(f32),
}

/// Which kernel, for how many blocks, with which numbers. A kernel's arguments are the inputs, the outputs and the numbers, in this
/// order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Launch {
    pub module: Module,
    pub kernel: &'static str,
    pub blocks: usize,
    pub numbers: Vec<Number>,
}

impl Launch {
    /// With a block for every [`THREADS`] of `threads`.
    pub fn of_threads(module: Module, kernel: &'static str, threads: usize) -> Self {
        Self::of_blocks(module, kernel, threads.div_ceil(THREADS))
    }

    pub fn of_blocks(module: Module, kernel: &'static str, blocks: usize) -> Self {
        Self { module, kernel, blocks, numbers: Vec::new() }
    }

    /// With more whole numbers. What is too large for one is so for an index as well, which [`launched`] refuses.
    #[must_use]
    pub fn ints(mut self, numbers: impl IntoIterator<Item = usize>) -> Self {
        let whole = |number| Number::Int(i32::try_from(number).unwrap_or(i32::MAX));
        self.numbers.extend(numbers.into_iter().map(whole));
        self
    }

    /// With more numbers.
    #[must_use]
    pub fn floats(mut self, numbers: impl IntoIterator<Item = f32>) -> Self {
        self.numbers.extend(numbers.into_iter().map(Number::Float));
        self
    }
}

/// Runs a launch on the device of the first input, which also says of which element type the kernel is. All inputs must be contiguous.
///
/// # Errors
/// If a tensor is too large for an index, or if the device fails.
pub(crate) fn launched(
    launch: &Launch,
    inputs: &[&Tensor],
    outputs: &[(Shape, DType)],
) -> Result<Vec<Tensor>> {
    let storages = stored(launch, inputs, outputs)?;
    let tensors = storages.into_iter().zip(outputs);
    Ok(tensors
        .map(|(storage, (shape, _))| Tensor::from_storage(storage, shape.clone(), BackpropOp::none(), false))
        .collect())
}

/// As [`launched`], with one output of the first input's element type.
///
/// # Errors
/// As there.
pub(crate) fn one_launched(launch: &Launch, inputs: &[&Tensor], shape: impl Into<Shape>) -> Result<Tensor> {
    let first = inputs.first().ok_or_else(|| Error::Argument(format!("{}: no input", launch.kernel)))?;
    let mut outputs = launched(launch, inputs, &[(shape.into(), first.dtype())])?;
    outputs.pop().ok_or_else(|| Error::Argument(format!("{}: no output", launch.kernel)))
}

/// As [`launched`], without tensors around the results.
///
/// # Errors
/// As there.
pub(crate) fn stored(
    launch: &Launch,
    inputs: &[&Tensor],
    outputs: &[(Shape, DType)],
) -> Result<Vec<Storage>> {
    let counts =
        inputs.iter().map(|x| x.elem_count()).chain(outputs.iter().map(|(shape, _)| shape.elem_count()));
    if counts.max() > Some(MOST) || launch.blocks > MOST / THREADS {
        let dims: Vec<_> = inputs.iter().map(|x| x.dims()).collect();
        return Err(Error::Argument(format!(
            "{}: {dims:?} is too large for a device, of which a tensor has up to {MOST} elements",
            launch.kernel
        )));
    }
    let Some(first) = inputs.first() else {
        return Err(Error::Argument(format!("{}: no input", launch.kernel)));
    };
    let Some(real) = real(first.dtype()) else {
        return Err(Error::Argument(format!("{}: no kernel of {:?}", launch.kernel, first.dtype())));
    };
    #[cfg(feature = "cuda")]
    if let Device::Cuda(device) = first.device() {
        return Ok(super::cuda::launched(device, launch, real, inputs, outputs)?);
    }
    #[cfg(unix)]
    if first.device().is_cpu() && crate::cpu::emulated() {
        return Ok(super::emulated::launched(launch, real, inputs, outputs)?);
    }
    let place = first.device().location();
    Err(Error::Argument(format!("{}: no kernel of type {real} for {place:?}", launch.kernel)))
}

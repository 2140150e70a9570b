//! Launches on NVIDIA GPUs, through Candle's device and its stream.

mod cache;
mod compile;
mod modules;

use super::launch::{Launch, Number, THREADS};
use candle_core::cuda_backend::cudarc::driver::{CudaSlice, CudaView, LaunchConfig, PushKernelArg};
use candle_core::cuda_backend::{CudaStorageSlice, WrapErr};
use candle_core::{CudaDevice, CudaStorage, DType, Result, Shape, Storage, Tensor, bail};
use half::{bf16, f16};

/// An input, where its layout begins.
enum Input<'a> {
    F32(CudaView<'a, f32>),
    F16(CudaView<'a, f16>),
    BF16(CudaView<'a, bf16>),
    U32(CudaView<'a, u32>),
}

/// Runs `$body` with `$slice` standing for the elements of `$of`, whatever their type is.
macro_rules! by_type {
    ($kind:ident, $of:expr, $slice:ident => $body:expr) => {
        match $of {
            $kind::F32($slice) => $body,
            $kind::F16($slice) => $body,
            $kind::BF16($slice) => $body,
            $kind::U32($slice) => $body,
        }
    };
}

/// An output.
enum Output {
    F32(CudaSlice<f32>),
    F16(CudaSlice<f16>),
    BF16(CudaSlice<bf16>),
    U32(CudaSlice<u32>),
}

impl Output {
    fn new(device: &CudaDevice, count: usize, dtype: DType) -> Result<Self> {
        // SAFETY: every kernel writes all elements of its outputs, which the tests see: there, they are NaN at first.
        Ok(unsafe {
            match dtype {
                DType::F32 => Self::F32(device.alloc(count)?),
                DType::F16 => Self::F16(device.alloc(count)?),
                DType::BF16 => Self::BF16(device.alloc(count)?),
                DType::U32 => Self::U32(device.alloc(count)?),
                other => bail!("no kernel gives {other:?}"),
            }
        })
    }

    fn storage(self, device: &CudaDevice) -> Storage {
        let slice = match self {
            Self::F32(slice) => CudaStorageSlice::F32(slice),
            Self::F16(slice) => CudaStorageSlice::F16(slice),
            Self::BF16(slice) => CudaStorageSlice::BF16(slice),
            Self::U32(slice) => CudaStorageSlice::U32(slice),
        };
        Storage::Cuda(CudaStorage { slice, device: device.clone() })
    }
}

/// Asks for a launch on the device's stream; `real` is the number of the element type.
pub(super) fn launched(
    device: &CudaDevice,
    launch: &Launch,
    real: u8,
    inputs: &[&Tensor],
    outputs: &[(Shape, DType)],
) -> Result<Vec<Storage>> {
    let function = modules::function(device, launch.module, real, launch.kernel)?;
    let guards: Vec<_> = inputs.iter().map(|x| x.storage_and_layout()).collect();
    let mut taken = Vec::with_capacity(guards.len());
    for (storage, layout) in &guards {
        let Some((start, end)) = layout.contiguous_offsets() else {
            bail!("a launch wants contiguous tensors")
        };
        let Storage::Cuda(storage) = &**storage else { bail!("{}: an input is elsewhere", launch.kernel) };
        taken.push(match &storage.slice {
            CudaStorageSlice::F32(slice) => Input::F32(slice.slice(start..end)),
            CudaStorageSlice::F16(slice) => Input::F16(slice.slice(start..end)),
            CudaStorageSlice::BF16(slice) => Input::BF16(slice.slice(start..end)),
            CudaStorageSlice::U32(slice) => Input::U32(slice.slice(start..end)),
            _ => bail!("{}: no kernel of this element type", launch.kernel),
        });
    }
    let mut made = outputs
        .iter()
        .map(|(shape, dtype)| Output::new(device, shape.elem_count(), *dtype))
        .collect::<Result<Vec<_>>>()?;

    let stream = device.cuda_stream();
    let mut builder = stream.launch_builder(&function);
    for input in &taken {
        by_type!(Input, input, view => builder.arg(view));
    }
    for output in &mut made {
        by_type!(Output, output, slice => builder.arg(slice));
    }
    for number in &launch.numbers {
        match number {
            Number::Int(value) => builder.arg(value),
            Number::Float(value) => builder.arg(value),
        };
    }
    let config = LaunchConfig {
        grid_dim: (launch.blocks as u32, 1, 1),
        block_dim: (THREADS as u32, 1, 1),
        shared_mem_bytes: 0,
    };
    // SAFETY: the arguments are those that the kernel's text names: the tests run every launch in an emulation of it, which sees what
    // is written beside an output.
    unsafe { builder.launch(config) }.w()?;
    drop(taken);
    Ok(made.into_iter().map(|output| output.storage(device)).collect())
}

//! Tensors that depend on sizes alone, given to a device once: an upload in the middle of a forward pass makes a GPU wait.

use crate::error::Result;
use candle_core::{DType, Device, Tensor};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Bytes that are kept. The constants of one forward pass at 1281 x 1281 take less than a quarter of it.
const KEPT: usize = 64 << 20;

/// What a constant depends on: what it is, and its numbers.
type Key = (&'static str, Vec<usize>, DType);

struct Constants {
    /// The latest last.
    list: VecDeque<(Key, Tensor)>,
    bytes: usize,
}

static CONSTANTS: Mutex<Constants> = Mutex::new(Constants { list: VecDeque::new(), bytes: 0 });

/// The tensor that `make` gives on the CPU, moved to `device`: made once for `name` and `numbers`, as long as it is among the
/// latest.
///
/// # Errors
/// Those of `make`, or if the device has no memory left.
pub fn constant(
    device: &Device,
    name: &'static str,
    numbers: &[usize],
    dtype: DType,
    make: impl FnOnce() -> candle_core::Result<Tensor>,
) -> Result<Tensor> {
    let key = (name, numbers.to_vec(), dtype);
    // A list that a panic left behind is whole: it is changed in one step.
    let lock = || CONSTANTS.lock().unwrap_or_else(PoisonError::into_inner);
    let same = |(k, tensor): &(Key, Tensor)| *k == key && tensor.device().same_device(device);
    if let Some((_, tensor)) = lock().list.iter().find(|entry| same(entry)) {
        return Ok(tensor.clone());
    }
    // A cast on the CPU, as not every device has all of them.
    let tensor = make()?.to_dtype(dtype)?.to_device(device)?;
    let size = |tensor: &Tensor| tensor.elem_count() * tensor.dtype().size_in_bytes();
    let mut constants = lock();
    constants.bytes += size(&tensor);
    constants.list.push_back((key, tensor.clone()));
    while constants.bytes > KEPT {
        let Some((_, oldest)) = constants.list.pop_front() else { break };
        constants.bytes -= size(&oldest);
    }
    Ok(tensor)
}

/// One number, of shape `[]`.
pub(crate) fn scalar(device: &Device, value: f64, dtype: DType) -> Result<Tensor> {
    let bits = value.to_bits();
    constant(device, "scalar", &[(bits >> 32) as usize, bits as u32 as usize], dtype, || {
        Tensor::new(value, &Device::Cpu)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_is_made_once_for_its_numbers_and_type() -> Result<()> {
        let device = Device::Cpu;
        let make = || Tensor::new(&[1f64, 2.0], &Device::Cpu);
        let first = constant(&device, "test", &[1], DType::F32, make)?;
        let again = constant(&device, "test", &[1], DType::F32, || unreachable!("made before"))?;
        assert_eq!((first.id(), again.dtype()), (again.id(), DType::F32));
        let other = constant(&device, "test", &[2], DType::F32, make)?;
        let wide = constant(&device, "test", &[1], DType::F64, make)?;
        assert!(other.id() != first.id() && wide.dtype() == DType::F64);
        assert_eq!(scalar(&device, 0.1, DType::F64)?.to_scalar::<f64>()?, 0.1);
        Ok(())
    }

    #[test]
    fn the_oldest_give_way() -> Result<()> {
        let large = || Tensor::zeros(KEPT / 2 + 1, DType::U8, &Device::Cpu);
        let first = constant(&Device::Cpu, "large", &[1], DType::U8, large)?;
        constant(&Device::Cpu, "large", &[2], DType::U8, large)?;
        let again = constant(&Device::Cpu, "large", &[1], DType::U8, large)?;
        assert_ne!(first.id(), again.id());
        Ok(())
    }
}

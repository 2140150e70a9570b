//! Between tensors and slices.

use crate::error::{Error, Result};
use candle_core::{CpuStorage, Device, Storage, Tensor, WithDType};

/// The two float types that the loss is computed in.
pub(crate) trait Float: WithDType {
    /// The smallest probability whose logarithm is still precise.
    const TINY: f64;

    /// The natural logarithm in this type's precision, so that the logarithm of one is zero.
    fn ln(self) -> f64 {
        self.to_f64().ln()
    }
}

impl Float for f32 {
    const TINY: f64 = 1e-36;
}

impl Float for f64 {
    const TINY: f64 = 1e-300;
}

/// The values of a tensor, row-major, on the CPU.
pub(crate) fn values<T: Float>(tensor: &Tensor) -> Result<Vec<T>> {
    Ok(tensor.detach().to_device(&Device::Cpu)?.flatten_all()?.to_vec1()?)
}

/// Calls `f` with the values of a contiguous CPU tensor, without a copy.
pub(crate) fn with_values<T: Float, R>(tensor: &Tensor, f: impl FnOnce(&[T]) -> Result<R>) -> Result<R> {
    let (storage, layout) = tensor.storage_and_layout();
    let not_plain =
        || Error::from(candle_core::Error::Msg("a tensor that is not contiguous on the CPU".into()));
    let Storage::Cpu(storage) = &*storage else { return Err(not_plain()) };
    let (start, end) = layout.contiguous_offsets().ok_or_else(not_plain)?;
    f(&CpuStorage::as_slice::<T>(storage)?[start..end])
}

/// A tensor of the values, on the device of `like`.
pub(crate) fn tensor<T: Float>(values: Vec<T>, like: &Tensor) -> Result<Tensor> {
    Ok(Tensor::from_vec(values, like.shape(), &Device::Cpu)?.to_device(like.device())?)
}

/// `[shape]` as an error's list, or nothing where it fits.
pub(crate) fn expect_shape(what: impl FnOnce() -> String, found: &[usize], expected: &[usize]) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::Shape { what: what(), found: found.to_vec(), expected: expected.to_vec() })
}

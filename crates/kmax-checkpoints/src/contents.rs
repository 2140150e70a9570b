//! What a checkpoint of any format holds.

use std::borrow::Cow;
use std::fmt;

use crate::dtype::{DType, to_f32};

/// How a checkpoint is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// A TensorFlow 2 tensor bundle: `.index` and `.data-NNNNN-of-MMMMM`.
    TensorFlow,
    /// `torch.save` since PyTorch 1.6, a zip archive.
    Torch,
    /// `torch.save` before PyTorch 1.6.
    TorchLegacy,
    /// A pickle of NumPy arrays, as detectron2 publishes.
    Pickle,
    /// safetensors.
    SafeTensors,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::TensorFlow => "TensorFlow tensor bundle",
            Self::Torch => "PyTorch",
            Self::TorchLegacy => "PyTorch (legacy)",
            Self::Pickle => "pickle of arrays",
            Self::SafeTensors => "safetensors",
        })
    }
}

/// What is known of a tensor before its values are read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TensorInfo {
    /// Type of the elements.
    pub dtype: DType,
    /// Size of each axis; empty for a scalar.
    pub shape: Vec<usize>,
}

/// Something in a checkpoint that is no tensor or one of an unsupported type.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Skipped {
    /// Its name.
    pub name: String,
    /// Why it is not read.
    pub reason: String,
}

/// The values of a tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor<'a> {
    /// Type of the elements, never [`DType::String`].
    pub dtype: DType,
    /// Size of each axis; empty for a scalar.
    pub shape: &'a [usize],
    /// The elements in row-major order, little-endian. Borrowed from the mapped file where they lie there in this order.
    pub bytes: Cow<'a, [u8]>,
}

impl Tensor<'_> {
    /// The values as `f32`, rounded to the nearest where they are wider; `None` if they are no floats.
    pub fn to_f32(&self) -> Option<Vec<f32>> {
        to_f32(self.dtype, &self.bytes)
    }
}

//! Element types and their conversion to `f32`.

use std::fmt;

use half::{bf16, f16};

/// The type of a tensor's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names say it")]
pub enum DType {
    F64,
    F32,
    F16,
    BF16,
    I64,
    I32,
    I16,
    I8,
    U64,
    U32,
    U16,
    U8,
    /// One byte, zero or one.
    Bool,
    /// Byte strings of any length each; TensorFlow only. Read with [`read_strings`](crate::Checkpoint::read_strings).
    String,
}

impl DType {
    /// Bytes of one element; `None` for strings.
    pub const fn size(self) -> Option<usize> {
        match self {
            Self::F64 | Self::I64 | Self::U64 => Some(8),
            Self::F32 | Self::I32 | Self::U32 => Some(4),
            Self::F16 | Self::BF16 | Self::I16 | Self::U16 => Some(2),
            Self::I8 | Self::U8 | Self::Bool => Some(1),
            Self::String => None,
        }
    }

    /// Whether elements are floating-point numbers.
    pub const fn is_float(self) -> bool {
        matches!(self, Self::F64 | Self::F32 | Self::F16 | Self::BF16)
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::F64 => "f64",
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::BF16 => "bf16",
            Self::I64 => "i64",
            Self::I32 => "i32",
            Self::I16 => "i16",
            Self::I8 => "i8",
            Self::U64 => "u64",
            Self::U32 => "u32",
            Self::U16 => "u16",
            Self::U8 => "u8",
            Self::Bool => "bool",
            Self::String => "string",
        })
    }
}

/// Elements in a tensor of this shape; `None` if there are more than the machine can count.
pub(crate) fn elements(shape: &[usize]) -> Option<usize> {
    // A zero anywhere makes the tensor empty, however large the other axes.
    if shape.contains(&0) {
        return Some(0);
    }
    shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size))
}

/// Little-endian floats as `f32`, rounded to nearest where they are wider; `None` for other types.
pub(crate) fn to_f32(dtype: DType, bytes: &[u8]) -> Option<Vec<f32>> {
    Some(match dtype {
        DType::F32 => convert(bytes, f32::from_le_bytes),
        DType::F64 => convert(bytes, |b| f64::from_le_bytes(b) as f32),
        DType::F16 => convert(bytes, |b| f16::from_le_bytes(b).to_f32()),
        DType::BF16 => convert(bytes, |b| bf16::from_le_bytes(b).to_f32()),
        _ => return None,
    })
}

fn convert<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    bytes.as_chunks::<N>().0.iter().map(|&chunk| value(chunk)).collect()
}

/// Reverses the bytes of every element.
pub(crate) fn swap_bytes(dtype: DType, bytes: &mut [u8]) {
    if let Some(size @ 2..) = dtype.size() {
        bytes.chunks_exact_mut(size).for_each(<[u8]>::reverse);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn element_counts_do_not_overflow() {
        assert_eq!(elements(&[]), Some(1));
        assert_eq!(elements(&[3, 4]), Some(12));
        assert_eq!(elements(&[usize::MAX, 0, usize::MAX]), Some(0));
        assert_eq!(elements(&[1 << 32, 1 << 32]), None);
    }

    #[test]
    fn floats_of_every_width_convert() {
        assert_eq!(to_f32(DType::F32, &1.5f32.to_le_bytes()), Some(vec![1.5]));
        assert_eq!(to_f32(DType::F64, &(-2.25f64).to_le_bytes()), Some(vec![-2.25]));
        assert_eq!(to_f32(DType::F16, &f16::from_f32(0.5).to_le_bytes()), Some(vec![0.5]));
        assert_eq!(to_f32(DType::BF16, &bf16::from_f32(3.0).to_le_bytes()), Some(vec![3.0]));
        assert_eq!(to_f32(DType::I32, &[0; 4]), None);
        let mut bytes = 1.5f32.to_be_bytes();
        swap_bytes(DType::F32, &mut bytes);
        assert_eq!(bytes, 1.5f32.to_le_bytes());
    }
}

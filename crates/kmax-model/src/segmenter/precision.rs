//! What a network computes in.

use crate::error::{Error, Result};
use candle_core::{DType, Device};
use kmax_nn::device;
use std::fmt;
use std::str::FromStr;

/// Precision that a network computes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Precision {
    /// IEEE single precision: on every device, and what the reference values are met in.
    #[default]
    Float32,
    /// IEEE half precision; not on the CPU.
    Float16,
    /// bfloat16; not on the CPU.
    Bfloat16,
}

impl Precision {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Float32, Self::Float16, Self::Bfloat16];

    /// Candle's word for it.
    pub fn dtype(self) -> DType {
        match self {
            Self::Float32 => DType::F32,
            Self::Float16 => DType::F16,
            Self::Bfloat16 => DType::BF16,
        }
    }

    /// `f32`, `f16` or `bf16`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Float32 => "f32",
            Self::Float16 => "f16",
            Self::Bfloat16 => "bf16",
        }
    }

    /// Those that a network can compute in on a device.
    pub fn on(device: &Device) -> Vec<Self> {
        let dtypes = device::dtypes(device);
        Self::ALL.into_iter().filter(|precision| dtypes.contains(&precision.dtype())).collect()
    }

    /// Refuses one that the device cannot compute in.
    ///
    /// # Errors
    /// [`Error::Argument`], which names those that it can.
    pub fn check(self, device: &Device) -> Result<()> {
        // Every device has it, and is not asked.
        if self == Self::Float32 {
            return Ok(());
        }
        let possible = Self::on(device);
        if possible.contains(&self) {
            return Ok(());
        }
        let possible: Vec<_> = possible.into_iter().map(Self::name).collect();
        let place = device::place(device);
        Err(Error::Argument(format!(
            "a network on {place} computes in {}, not in {self}",
            possible.join(", ")
        )))
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A precision was named that there is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected f32, f16 or bf16, not {0:?}")]
pub struct ParsePrecisionError(String);

impl FromStr for Precision {
    type Err = ParsePrecisionError;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|p| p.name() == text).ok_or_else(|| ParsePrecisionError(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for precision in Precision::ALL {
            assert_eq!(precision.to_string().parse(), Ok(precision));
        }
        assert!("float32".parse::<Precision>().is_err_and(|error| error.to_string().contains("bf16")));
    }

    #[test]
    fn the_processor_computes_in_float32() {
        assert_eq!(Precision::on(&Device::Cpu), [Precision::Float32]);
        let error = Precision::Bfloat16.check(&Device::Cpu).expect_err("refused").to_string();
        assert_eq!(error, "a network on cpu computes in f32, not in bf16");
    }
}

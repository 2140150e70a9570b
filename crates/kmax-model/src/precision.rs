//! What a network computes in.

use crate::error::{Error, Result};
use candle_core::{DType, Device};
use kmax_nn::{Factors, device, multiplies_bfloat16, multiplies_int8, rounds_factors};
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
    /// bfloat16. On the CPU the factors of convolutions and most maps between the layers are rounded to it: sums, norms, attention and the mask
    /// logits are computed in float32, and so are 3x3 convolutions with stride 1, which have fewer products in another
    /// form. The fastest where the processor [multiplies it](multiplies_bfloat16), slower than float32 elsewhere.
    Bfloat16,
    /// 8-bit integers, on the CPU alone: as [`Self::Bfloat16`] there, but that maps are in float32 and convolutions multiply integers, weights in steps of a scale for each output
    /// channel, inputs in 256 steps of what each pixel meets. No calibration is needed. The fastest of all where the processor
    /// [multiplies them](multiplies_int8), and the farthest from float32.
    Int8,
}

impl Precision {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Float32, Self::Float16, Self::Bfloat16, Self::Int8];

    /// Candle's word for it, if tensors can be of it.
    pub fn dtype(self) -> Option<DType> {
        match self {
            Self::Float32 => Some(DType::F32),
            Self::Float16 => Some(DType::F16),
            Self::Bfloat16 => Some(DType::BF16),
            Self::Int8 => None,
        }
    }

    /// `f32`, `f16`, `bf16` or `int8`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Float32 => "f32",
            Self::Float16 => "f16",
            Self::Bfloat16 => "bf16",
            Self::Int8 => "int8",
        }
    }

    /// Element type of a network's parameters and of its input.
    pub(crate) fn of_input(self, device: &Device) -> DType {
        if device.is_cpu() { DType::F32 } else { self.dtype().unwrap_or(DType::F32) }
    }

    /// What a network's convolutions multiply.
    pub(crate) fn factors(self, device: &Device) -> Factors {
        match self {
            Self::Bfloat16 if device.is_cpu() => Factors::Bfloat16,
            Self::Int8 if device.is_cpu() => Factors::Int8,
            _ => Factors::Exact,
        }
    }

    /// Those that a network can compute in on a device.
    pub fn on(device: &Device) -> Vec<Self> {
        if rounds_factors(device) {
            return vec![Self::Float32, Self::Bfloat16, Self::Int8];
        }
        Self::of_dtypes(&device::dtypes(device))
    }

    /// Those whose tensors are of one of these types.
    pub fn of_dtypes(dtypes: &[DType]) -> Vec<Self> {
        let is_among = |precision: &Self| precision.dtype().is_some_and(|dtype| dtypes.contains(&dtype));
        Self::ALL.into_iter().filter(is_among).collect()
    }

    /// Whether the processor makes its products of other instructions, slower than float32's.
    pub fn is_slow_on(self, device: &Device) -> bool {
        match self.factors(device) {
            Factors::Bfloat16 => !multiplies_bfloat16(),
            Factors::Int8 => !multiplies_int8(),
            _ => false,
        }
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

/// What is wanted: `auto`, or a precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PrecisionChoice {
    /// The fastest that the device has instructions for and that hardly changes a result: bfloat16, else float16, else float32; on the CPU
    /// bfloat16 or float32.
    Auto,
    /// That one and no other.
    At(Precision),
}

impl PrecisionChoice {
    /// The precision for a device.
    ///
    /// # Errors
    /// As [`Precision::check`], for one that was named.
    pub fn on(self, device: &Device) -> Result<Precision> {
        let precision = match self {
            Self::At(precision) => precision,
            Self::Auto if device.is_cpu() && !multiplies_bfloat16() => Precision::Float32,
            Self::Auto => {
                let possible = Precision::on(device);
                let fastest = [Precision::Bfloat16, Precision::Float16];
                return Ok(fastest.into_iter().find(|p| possible.contains(p)).unwrap_or_default());
            }
        };
        precision.check(device)?;
        Ok(precision)
    }
}

impl Default for PrecisionChoice {
    fn default() -> Self {
        Self::At(Precision::default())
    }
}

impl From<Precision> for PrecisionChoice {
    fn from(precision: Precision) -> Self {
        Self::At(precision)
    }
}

impl fmt::Display for PrecisionChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::At(precision) => precision.fmt(f),
        }
    }
}

/// A precision was named that there is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected auto, f32, f16, bf16 or int8, not {0:?}")]
pub struct ParsePrecisionError(String);

impl FromStr for Precision {
    type Err = ParsePrecisionError;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|p| p.name() == text).ok_or_else(|| ParsePrecisionError(text.into()))
    }
}

impl FromStr for PrecisionChoice {
    type Err = ParsePrecisionError;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        if text == "auto" { Ok(Self::Auto) } else { Ok(Self::At(text.parse()?)) }
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
    fn the_processor_computes_in_float32_and_rounds_factors_to_bfloat16() {
        let mut possible = vec![Precision::Float32];
        possible.extend(
            rounds_factors(&Device::Cpu)
                .then_some([Precision::Bfloat16, Precision::Int8])
                .into_iter()
                .flatten(),
        );
        assert_eq!(Precision::on(&Device::Cpu), possible);
        let error = Precision::Float16.check(&Device::Cpu).expect_err("refused").to_string();
        assert!(
            error.starts_with("a network on cpu computes in f32") && error.ends_with("not in f16"),
            "{error}"
        );
        assert_eq!(Precision::Bfloat16.of_input(&Device::Cpu), DType::F32);
        let factors = Precision::ALL.map(|precision| precision.factors(&Device::Cpu));
        assert_eq!(factors, [Factors::Exact, Factors::Exact, Factors::Bfloat16, Factors::Int8]);
    }

    #[test]
    fn auto_is_what_the_processor_multiplies() -> Result<()> {
        let auto: PrecisionChoice = "auto".parse().expect("a choice");
        assert_eq!((auto, auto.to_string().as_str()), (PrecisionChoice::Auto, "auto"));
        let fast = rounds_factors(&Device::Cpu) && multiplies_bfloat16();
        let expected = if fast { Precision::Bfloat16 } else { Precision::Float32 };
        assert_eq!(auto.on(&Device::Cpu)?, expected);
        assert!(PrecisionChoice::At(Precision::Float16).on(&Device::Cpu).is_err());
        Ok(())
    }
}

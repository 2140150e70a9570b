//! Which device, as somebody says it.

use std::fmt;
use std::str::FromStr;

/// A device of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// The processor.
    Cpu,
    /// An NVIDIA GPU, by its number.
    Cuda(usize),
    /// A GPU of Apple's, by its number.
    Metal(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
            Self::Metal(number) => write!(f, "metal:{number}"),
        }
    }
}

/// What is wanted: `auto`, `cpu`, `cuda[:N]` or `metal[:N]`, where N is 0 if it is not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeviceChoice {
    /// The first GPU that is there and that this build can use, else the processor.
    Auto,
    /// That one and no other.
    At(Place),
}

impl Default for DeviceChoice {
    fn default() -> Self {
        Self::At(Place::Cpu)
    }
}

impl From<Place> for DeviceChoice {
    fn from(place: Place) -> Self {
        Self::At(place)
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::At(place) => place.fmt(f),
        }
    }
}

/// A device was named that there cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected auto, cpu, cuda, cuda:N, metal or metal:N, not {0:?}")]
pub struct ParseDeviceError(String);

impl FromStr for DeviceChoice {
    type Err = ParseDeviceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, number) = match text.split_once(':') {
            Some((kind, number)) => (kind, Some(number)),
            None => (text, None),
        };
        // `parse` alone would take a sign.
        let digits =
            |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        let number = number.map_or(Some(0), digits);
        Ok(match (kind, number) {
            _ if text == "auto" => Self::Auto,
            _ if text == "cpu" => Self::At(Place::Cpu),
            ("cuda", Some(number)) => Self::At(Place::Cuda(number)),
            ("metal", Some(number)) => Self::At(Place::Metal(number)),
            _ => return Err(ParseDeviceError(text.into())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_read_as_they_are_written() {
        for (text, choice, written) in [
            ("auto", DeviceChoice::Auto, "auto"),
            ("cpu", DeviceChoice::At(Place::Cpu), "cpu"),
            ("cuda", DeviceChoice::At(Place::Cuda(0)), "cuda:0"),
            ("cuda:0", DeviceChoice::At(Place::Cuda(0)), "cuda:0"),
            ("cuda:12", DeviceChoice::At(Place::Cuda(12)), "cuda:12"),
            ("metal", DeviceChoice::At(Place::Metal(0)), "metal:0"),
            ("metal:1", DeviceChoice::At(Place::Metal(1)), "metal:1"),
        ] {
            assert_eq!(text.parse(), Ok(choice), "{text}");
            assert_eq!(choice.to_string(), written);
            assert_eq!(written.parse(), Ok(choice), "{written}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let long = format!("cuda:{}", "9".repeat(40));
        for text in [
            "", "gpu", "CUDA", "cuda:", "cuda:-1", "cuda:+1", "cuda:1:2", "cuda: 1", "cpu:0", "auto:0", &long,
        ] {
            let error = text.parse::<DeviceChoice>().expect_err(text);
            assert!(error.to_string().contains("cuda:N") && error.to_string().lines().count() == 1, "{text}");
        }
    }
}

//! What can go wrong in a layer or while its parameters are fetched.

use kmax_base::ErrorKind;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A tensor operation failed, most often because shapes do not fit.
    #[error("tensor operation failed: {0}")]
    Tensor(#[from] candle_core::Error),
    /// The weights hold no tensor of that name.
    #[error("missing tensor `{name}` (expected shape {expected:?})")]
    MissingTensor {
        /// Full dotted name.
        name: String,
        /// Shape that the model wants.
        expected: Vec<usize>,
    },
    /// The weights hold a tensor of that name with another shape.
    #[error("tensor `{name}` has shape {found:?}, expected {expected:?}")]
    WrongShape {
        /// Full dotted name.
        name: String,
        /// Shape that the model wants.
        expected: Vec<usize>,
        /// Shape in the weights.
        found: Vec<usize>,
    },
    /// A weights file that cannot be opened or read.
    #[error("{file}: {source}")]
    Read {
        /// The file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// A weights file that is not what it should be.
    #[error("{file}: {source}")]
    Weights {
        /// The file.
        file: String,
        /// What is wrong with it.
        source: candle_core::Error,
    },
    /// An argument out of its range.
    #[error("{0}")]
    Argument(String),
    /// A device that is not there, or that cannot be used.
    #[error("device {place}: {reason}")]
    Device {
        /// The device, as it was asked for.
        place: String,
        /// What is missing.
        reason: String,
    },
    /// Another rank of the run cannot be reached.
    #[error("{0}")]
    Ranks(String),
    /// The step was stopped on request.
    #[error("stopped")]
    Stopped,
}

impl Error {
    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Tensor(_) => ErrorKind::Internal,
            Self::MissingTensor { .. } | Self::WrongShape { .. } => ErrorKind::Incompatible,
            Self::Read { source, .. } => ErrorKind::reading(source),
            Self::Weights { .. } => ErrorKind::Damaged,
            Self::Argument(_) | Self::Device { .. } => ErrorKind::InvalidArgument,
            Self::Ranks(_) => ErrorKind::Internal,
            Self::Stopped => ErrorKind::Cancelled,
        }
    }
}

impl From<kmax_kernels::Error> for Error {
    fn from(error: kmax_kernels::Error) -> Self {
        match error {
            kmax_kernels::Error::Tensor(error) => Self::Tensor(error),
            kmax_kernels::Error::Ranks(reason) => Self::Ranks(reason),
            kmax_kernels::Error::Stopped => Self::Stopped,
            other => Self::Argument(other.to_string()),
        }
    }
}

/// For layers behind Candle's [`Module`](candle_core::Module) and [`ModuleT`](candle_core::ModuleT).
impl From<Error> for candle_core::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Tensor(error) => error,
            other => Self::wrap(other),
        }
    }
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;

    #[test]
    fn kinds_and_sources_are_told() {
        let missing = Error::MissingTensor { name: "a".into(), expected: vec![1] };
        assert_eq!((missing.kind(), missing.source().is_none()), (ErrorKind::Incompatible, true));
        let read = Error::Read { file: "f".into(), source: std::io::ErrorKind::NotFound.into() };
        assert_eq!((read.kind(), read.source().is_some()), (ErrorKind::NotFound, true));
        let kernel: Error = kmax_kernels::Error::Argument("stride".into()).into();
        assert_eq!(kernel.kind(), ErrorKind::InvalidArgument);
        // There and back through Candle nothing is lost.
        assert!(candle_core::Error::from(missing).to_string().contains("missing tensor `a`"));
    }
}

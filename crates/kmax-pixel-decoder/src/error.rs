//! What can go wrong in the pixel decoder.

use kmax_base::ErrorKind;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A layer or a tensor operation failed, or a parameter is missing or misshapen.
    #[error(transparent)]
    Nn(#[from] kmax_nn::Error),
    /// A configuration that contradicts itself.
    #[error("pixel decoder: {field}: {reason}")]
    Config {
        /// The field, such as `stages[1].channels`.
        field: String,
        /// What is wrong and what was expected.
        reason: String,
    },
    /// The number of maps given is not the number of stages.
    #[error("pixel decoder: {given} maps for {stages} stages")]
    Maps {
        /// Maps given.
        given: usize,
        /// Stages of the decoder.
        stages: usize,
    },
}

impl Error {
    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Nn(error) => error.kind(),
            Self::Config { .. } | Self::Maps { .. } => ErrorKind::InvalidArgument,
        }
    }
}

impl From<candle_core::Error> for Error {
    fn from(error: candle_core::Error) -> Self {
        Self::Nn(error.into())
    }
}

impl From<kmax_kernels::Error> for Error {
    fn from(error: kmax_kernels::Error) -> Self {
        Self::Nn(error.into())
    }
}

/// For modules behind Candle's [`Module`](candle_core::Module) and [`ModuleT`](candle_core::ModuleT).
impl From<Error> for candle_core::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Nn(error) => error.into(),
            other => Self::wrap(other),
        }
    }
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

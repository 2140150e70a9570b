//! What can go wrong in the k-means decoder.

use kmax_base::ErrorKind;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A head failed or one of its parameters is missing.
    #[error(transparent)]
    Head(#[from] kmax_heads::Error),
    /// A layer or a tensor operation failed, or a parameter is missing or misshapen.
    #[error(transparent)]
    Nn(#[from] kmax_nn::Error),
    /// A configuration that contradicts itself.
    #[error("decoder: {field}: {reason}")]
    Config {
        /// The field.
        field: &'static str,
        /// What is wrong and what was expected.
        reason: String,
    },
}

impl Error {
    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Head(error) => error.kind(),
            Self::Nn(error) => error.kind(),
            Self::Config { .. } => ErrorKind::InvalidArgument,
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

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

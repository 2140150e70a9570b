//! What can go wrong in a kernel.

use kmax_base::ErrorKind;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A tensor operation failed, most often because shapes do not fit.
    #[error("tensor operation failed: {0}")]
    Tensor(#[from] candle_core::Error),
    /// An argument out of its range, or of a shape that does not fit the others.
    #[error("{0}")]
    Argument(String),
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
            Self::Argument(_) => ErrorKind::InvalidArgument,
            Self::Ranks(_) => ErrorKind::Internal,
            Self::Stopped => ErrorKind::Cancelled,
        }
    }
}

/// For functions behind Candle's [`Module`](candle_core::Module).
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

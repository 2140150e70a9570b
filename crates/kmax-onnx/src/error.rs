//! What can go wrong while a model is exported.

use kmax_base::ErrorKind;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Options that do not go together, or not with this model.
    #[error("{0}")]
    Argument(String),
    /// A weight that half precision cannot hold.
    #[error(
        "`{name}` holds {value:e} once its norm is folded in, which half precision cannot: its largest value is 65504"
    )]
    TooLargeForHalf {
        /// The tensor.
        name: String,
        /// The value.
        value: f64,
    },
    /// A file beyond what its format can hold.
    #[error("the file would have {0} bytes; ONNX files have at most 2147483647")]
    TooLarge(usize),
    /// A weight that is missing or misshapen.
    #[error(transparent)]
    Weights(#[from] kmax_nn::Error),
    /// A tensor operation failed.
    #[error("tensor operation failed: {0}")]
    Tensor(#[from] candle_core::Error),
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Argument(_) => ErrorKind::InvalidArgument,
            Self::TooLargeForHalf { .. } | Self::TooLarge(_) => ErrorKind::Unsupported,
            Self::Weights(error) => error.kind(),
            Self::Tensor(_) => ErrorKind::Internal,
        }
    }
}

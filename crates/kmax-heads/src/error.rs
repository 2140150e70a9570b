//! What can go wrong in a head.

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A layer failed or a parameter is missing.
    #[error(transparent)]
    Nn(#[from] kmax_nn::Error),
    /// A tensor operation failed, most often because shapes do not fit.
    #[error("tensor operation failed: {0}")]
    Tensor(#[from] candle_core::Error),
    /// A configuration that contradicts itself.
    #[error("head: {0}")]
    Config(String),
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

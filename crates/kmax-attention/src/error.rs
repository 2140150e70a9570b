//! What can go wrong in the k-means decoder.

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A head failed or one of its parameters is missing.
    #[error(transparent)]
    Head(#[from] kmax_heads::Error),
    /// A layer failed or a parameter is missing.
    #[error(transparent)]
    Nn(#[from] kmax_nn::Error),
    /// A tensor operation failed, most often because shapes do not fit.
    #[error("tensor operation failed: {0}")]
    Tensor(#[from] candle_core::Error),
    /// A configuration that contradicts itself.
    #[error("decoder: {0}")]
    Config(String),
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

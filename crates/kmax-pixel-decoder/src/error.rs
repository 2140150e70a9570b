//! What can go wrong in the pixel decoder.

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
    #[error("pixel decoder: {0}")]
    Config(String),
    /// The number of maps given is not the number of stages.
    #[error("pixel decoder: {given} maps for {stages} stages")]
    Maps {
        /// Maps given.
        given: usize,
        /// Stages of the decoder.
        stages: usize,
    },
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

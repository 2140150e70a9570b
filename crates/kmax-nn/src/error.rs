//! What can go wrong in a layer or while its parameters are fetched.

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
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
    /// A weights file that cannot be read.
    #[error("{file}: {reason}")]
    Weights {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An argument out of its range.
    #[error("{0}")]
    Argument(String),
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

//! What can go wrong while a backbone is built or run.

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A layer failed, or a parameter is missing or misshapen.
    #[error(transparent)]
    Layer(#[from] kmax_nn::Error),
    /// A tensor operation failed, most often because shapes do not fit.
    #[error("tensor operation failed: {0}")]
    Tensor(#[from] candle_core::Error),
    /// A configuration field out of its range.
    #[error("backbone config: `{field}` is {found}, expected {expected}")]
    Config {
        /// The field.
        field: &'static str,
        /// Its value.
        found: String,
        /// What is allowed.
        expected: &'static str,
    },
    /// An input that is no batch of RGB images.
    #[error("backbone input has shape {0:?}, expected [batch, 3, height, width] with no side of length 0")]
    Input(Vec<usize>),
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// An error about the configuration field `field` unless `valid`.
pub(crate) fn check(
    valid: bool,
    field: &'static str,
    found: impl std::fmt::Debug,
    expected: &'static str,
) -> Result<()> {
    if valid { Ok(()) } else { Err(Error::Config { field, found: format!("{found:?}"), expected }) }
}

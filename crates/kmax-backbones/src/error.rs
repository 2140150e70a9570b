//! What can go wrong while a backbone is built or run.

use kmax_base::ErrorKind;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A layer or a tensor operation failed, or a parameter is missing or misshapen.
    #[error(transparent)]
    Nn(#[from] kmax_nn::Error),
    /// A configuration field out of its range.
    #[error("backbone config: `{field}` is {found}, expected {expected}")]
    Config {
        /// The field.
        field: &'static str,
        /// Its value.
        found: String,
        /// What is allowed.
        expected: String,
    },
    /// An input that is no batch of RGB images.
    #[error(
        "backbone input has shape {0:?}, expected [batch, 3, height, width] with neither height nor width 0"
    )]
    Input(Vec<usize>),
}

impl Error {
    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Nn(error) => error.kind(),
            Self::Config { .. } | Self::Input(_) => ErrorKind::InvalidArgument,
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

/// An error about the configuration field `field` unless `valid`.
pub(crate) fn check(
    valid: bool,
    field: &'static str,
    found: impl std::fmt::Debug,
    expected: &str,
) -> Result<()> {
    if valid {
        return Ok(());
    }
    Err(Error::Config { field, found: format!("{found:?}"), expected: expected.into() })
}

/// An error about the configuration field `field` unless all its numbers lie between 1 and `most`.
pub(crate) fn check_counts(field: &'static str, found: &[usize], most: usize) -> Result<()> {
    let valid = found.iter().all(|count| (1..=most).contains(count));
    check(valid, field, found, &format!("1 to {most}"))
}

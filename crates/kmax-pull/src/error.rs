//! What can go wrong between a name and a model.

use kmax_base::ErrorKind;
use std::path::{Path, PathBuf};

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What is no name of anything that can be pulled, or a variant that makes no sense there.
    #[error("{0}")]
    Name(String),
    /// It is not in the cache, and nothing may be fetched.
    #[error("{name} is not in the cache at {}, and nothing may be fetched (offline)", cache.display())]
    Offline {
        /// What was asked for.
        name: String,
        /// The cache.
        cache: PathBuf,
    },
    /// It could not be fetched, or a setting of the environment makes no sense.
    #[error(transparent)]
    Fetch(#[from] kmax_hub::Error),
    /// It could not be converted.
    #[error(transparent)]
    Convert(#[from] kmax_convert::Error),
    /// What was fetched is no checkpoint of what it should be. It was removed.
    #[error("{url}: {source}; the download was removed, and the next run asks the server again")]
    Unusable {
        /// Where it came from.
        url: String,
        /// What is wrong with it.
        source: Box<Error>,
    },
    /// What came of it is no model.
    #[error(transparent)]
    Model(#[from] kmax_model::Error),
    /// The cache cannot be written.
    #[error("{}: {source}", file.display())]
    Io {
        /// The file or folder.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Name(_) => ErrorKind::InvalidArgument,
            Self::Offline { .. } => ErrorKind::NotFound,
            Self::Fetch(error) => error.kind(),
            Self::Convert(error) => error.kind(),
            Self::Unusable { source, .. } => source.kind(),
            Self::Model(error) => error.kind(),
            Self::Io { .. } => ErrorKind::CannotWrite,
        }
    }

    pub(crate) fn io(file: &Path, source: std::io::Error) -> Self {
        Self::Io { file: file.into(), source }
    }
}

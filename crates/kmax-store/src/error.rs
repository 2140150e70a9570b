//! What can be wrong with an object.

use kmax_base::ErrorKind;

/// An error of this crate; its message names the URL.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It names no object, or no store that is known.
    #[error("{url}: {reason}")]
    Url {
        /// The text.
        url: String,
        /// What is wrong and what was expected.
        reason: String,
    },
    /// The clients of the stores are not part of this build.
    #[error(
        "{url}: this build knows no object stores: build it with `--features object-store`, or mount the bucket"
    )]
    NotBuilt {
        /// The URL.
        url: String,
    },
    /// There is no such object.
    #[error("{url}: is not there: {reason}")]
    NotFound {
        /// The URL.
        url: String,
        /// What the store says.
        reason: String,
    },
    /// The object is longer than what is read.
    #[error("{url}: {reason}")]
    TooLong {
        /// The URL.
        url: String,
        /// Its length and the limit.
        reason: String,
    },
    /// There is no memory for the object.
    #[error("{url}: {source}")]
    Memory {
        /// The URL.
        url: String,
        /// How much is needed, and left.
        source: std::io::Error,
    },
    /// An object cannot be read or listed.
    #[error("{url}: cannot be read: {reason}")]
    Read {
        /// The URL.
        url: String,
        /// What the store says.
        reason: String,
        /// Whether other objects cannot be read either.
        of_the_store: bool,
    },
    /// An object cannot be written.
    #[error("{url}: cannot be written: {reason}")]
    Write {
        /// The URL.
        url: String,
        /// What the store says.
        reason: String,
        /// Whether other objects cannot be written either.
        of_the_store: bool,
    },
}

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Url { .. } => ErrorKind::InvalidArgument,
            Self::NotBuilt { .. } => ErrorKind::Unsupported,
            Self::NotFound { .. } | Self::Read { .. } => ErrorKind::NotFound,
            Self::TooLong { .. } => ErrorKind::Damaged,
            Self::Memory { .. } => ErrorKind::OutOfMemory,
            Self::Write { .. } => ErrorKind::CannotWrite,
        }
    }

    /// Whether the store is to blame, or the credentials, and not the one object: others will not do better.
    pub fn is_of_the_store(&self) -> bool {
        match self {
            Self::Read { of_the_store, .. } | Self::Write { of_the_store, .. } => *of_the_store,
            Self::NotBuilt { .. } => true,
            _ => false,
        }
    }
}

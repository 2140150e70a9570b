//! What keeps a page from being written.

use kmax_base::ErrorKind;
use std::path::{Path, PathBuf};

/// An error of this crate; its message names the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder cannot be read.
    #[error("{}: {source}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file or folder cannot be written.
    #[error("{}: {source}", file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The package is none, or lacks a file.
    #[error("{}: {reason}", file.display())]
    Package {
        /// The package.
        file: PathBuf,
        /// What is wrong, and what was expected.
        reason: String,
    },
    /// The folder to write holds something else.
    #[error("{}: {reason}", folder.display())]
    Taken {
        /// The folder.
        folder: PathBuf,
        /// What stands there.
        reason: String,
    },
}

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn read(file: &Path, source: std::io::Error) -> Self {
        Self::Read { file: file.into(), source }
    }

    pub(crate) fn write(file: &Path, source: std::io::Error) -> Self {
        Self::Write { file: file.into(), source }
    }

    pub(crate) fn package(file: &Path, reason: impl Into<String>) -> Self {
        Self::Package { file: file.into(), reason: reason.into() }
    }

    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Read { source, .. } => ErrorKind::reading(source),
            Self::Write { .. } | Self::Taken { .. } => ErrorKind::CannotWrite,
            Self::Package { .. } => ErrorKind::Damaged,
        }
    }
}

//! What can go wrong while a model is measured.

use kmax_base::ErrorKind;
use std::path::{Path, PathBuf};

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The model and the dataset do not have the same classes.
    #[error("{}: {reason}", json.display())]
    Classes {
        /// The dataset's json.
        json: PathBuf,
        /// Which class differs and how.
        reason: String,
    },
    /// An image that is not what the json says.
    #[error("{}: {reason}", file.display())]
    Image {
        /// The image.
        file: PathBuf,
        /// What is wrong and what was expected.
        reason: String,
    },
    /// Predictions that cannot be written.
    #[error("{}: {source}", file.display())]
    Write {
        /// The file or folder.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A folder that cannot be read.
    #[error("{}: {source}", folder.display())]
    Read {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Parts of the work without a folder to leave them in.
    #[error("a part of the images needs a folder to keep its predictions in")]
    NowhereToKeep,
    /// Stopped on request.
    #[error("stopped after {done} of {total} images")]
    Cancelled {
        /// Images that were done.
        done: usize,
        /// Images in all.
        total: usize,
    },
    /// The dataset cannot be read, or a prediction not be written.
    #[error(transparent)]
    Dataset(#[from] kmax_datasets::Error),
    /// An image cannot be read.
    #[error(transparent)]
    Transform(#[from] kmax_transforms::Error),
    /// The model failed.
    #[error(transparent)]
    Model(#[from] kmax_model::Error),
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Classes { .. } => ErrorKind::Incompatible,
            Self::Image { .. } => ErrorKind::Damaged,
            Self::Write { .. } => ErrorKind::CannotWrite,
            Self::Read { source, .. } => ErrorKind::reading(source),
            Self::NowhereToKeep => ErrorKind::InvalidArgument,
            Self::Cancelled { .. } => ErrorKind::Cancelled,
            Self::Dataset(error) => error.kind(),
            Self::Transform(error) => error.kind(),
            Self::Model(error) => error.kind(),
        }
    }

    pub(crate) fn reading(folder: &Path) -> impl Fn(std::io::Error) -> Self + '_ {
        move |source| Self::Read { folder: folder.into(), source }
    }

    pub(crate) fn writing(file: &Path) -> impl Fn(std::io::Error) -> Self + '_ {
        move |source| Self::Write { file: file.into(), source }
    }
}

//! What can go wrong while a checkpoint is converted.

use kmax_base::ErrorKind;
use std::path::{Path, PathBuf};

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No variant of that name.
    #[error("{0}")]
    UnknownVariant(String),
    /// The tensors of a checkpoint are not those of the variant, or of none.
    #[error("{}: {reason}", file.display())]
    Contents {
        /// The checkpoint.
        file: PathBuf,
        /// What is missing, unused, misshapen or not known.
        reason: String,
    },
    /// The tensors of a checkpoint are those of several variants that are different networks.
    #[error("{}: has the tensors of {}, which are different networks: say which it is with --variant", file.display(), names(candidates))]
    Ambiguous {
        /// The checkpoint.
        file: PathBuf,
        /// Names of the variants.
        candidates: Vec<String>,
    },
    /// A result that cannot be written.
    #[error("{}: {source}", file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The checkpoint cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] kmax_checkpoints::Error),
    /// The model's configuration, or its folder.
    #[error(transparent)]
    Model(#[from] kmax_model::Error),
}

/// `a, b and c`.
fn names(list: &[String]) -> String {
    match list.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => list.concat(),
    }
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::UnknownVariant(_) => ErrorKind::InvalidArgument,
            Self::Ambiguous { .. } => ErrorKind::InvalidArgument,
            Self::Contents { .. } => ErrorKind::Incompatible,
            Self::Write { .. } => ErrorKind::CannotWrite,
            Self::Checkpoint(error) => error.kind(),
            Self::Model(error) => error.kind(),
        }
    }

    pub(crate) fn contents(file: &Path, reason: impl Into<String>) -> Self {
        Self::Contents { file: file.into(), reason: reason.into() }
    }

    pub(crate) fn writing(file: &Path) -> impl Fn(std::io::Error) -> Self + '_ {
        move |source| Self::Write { file: file.into(), source }
    }
}

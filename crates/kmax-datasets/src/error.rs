//! What can be wrong with a dataset on disk.

use std::path::{Path, PathBuf};

use kmax_base::ErrorKind;

/// An error of this crate; its message names the file and, where there is one, the entry in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder cannot be read.
    #[error("{}: {source}", file.display())]
    Read {
        /// The file or folder.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file or folder cannot be written.
    #[error("{}: {source}", file.display())]
    Write {
        /// The file or folder.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A JSON file that is damaged or of another form than expected.
    #[error("{}: {entry}: {reason}", file.display())]
    Json {
        /// The file.
        file: PathBuf,
        /// The path of the value, such as `annotations[3].segments_info[0].area`.
        entry: String,
        /// What the parser says, with line and column.
        reason: String,
    },
    /// An entry that contradicts the rest of its file or another file.
    #[error("{}: {entry}: {reason}", file.display())]
    Entry {
        /// The file.
        file: PathBuf,
        /// The entry, such as `annotations[3]` or `segment 7`.
        entry: String,
        /// What is wrong and what was expected.
        reason: String,
    },
    /// A file as a whole is not what was expected.
    #[error("{}: {reason}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong and what was expected.
        reason: String,
    },
    /// An image cannot be read, or a transform does not take it or its own settings.
    #[error(transparent)]
    Transform(#[from] kmax_transforms::Error),
    /// A map, a mask or a table of classes is malformed.
    #[error("{}: {source}", file.display())]
    Masks {
        /// The file it came from or was to go to.
        file: PathBuf,
        /// What is wrong.
        source: kmax_masks::Error,
    },
    /// What is to be evaluated is not as the metric needs it.
    #[error("{}: {source}", file.display())]
    Metric {
        /// The file it came from.
        file: PathBuf,
        /// What is wrong.
        source: kmax_metrics::Error,
    },
    /// A setting that makes no sense.
    #[error("{name}: {reason}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// What is wrong and what was expected.
        reason: String,
    },
    /// A thread of a loader panicked.
    #[error("example {index} of epoch {epoch}: the loader's thread panicked: {reason}")]
    Worker {
        /// The epoch.
        epoch: u64,
        /// The index in the dataset.
        index: usize,
        /// The panic's message.
        reason: String,
    },
    /// Stopped on request.
    #[error("stopped")]
    Cancelled,
}

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Read { source, .. } => ErrorKind::reading(source),
            Self::Write { .. } => ErrorKind::CannotWrite,
            Self::Json { .. } | Self::Entry { .. } | Self::File { .. } => ErrorKind::Damaged,
            Self::Transform(source) => source.kind(),
            Self::Masks { source, .. } => source.kind(),
            Self::Metric { source, .. } => source.kind(),
            Self::Setting { .. } => ErrorKind::InvalidArgument,
            Self::Worker { .. } => ErrorKind::Internal,
            Self::Cancelled => ErrorKind::Cancelled,
        }
    }

    /// The file concerned.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Read { file, .. }
            | Self::Write { file, .. }
            | Self::Json { file, .. }
            | Self::Entry { file, .. }
            | Self::File { file, .. }
            | Self::Masks { file, .. }
            | Self::Metric { file, .. } => Some(file),
            Self::Transform(source) => source.path(),
            Self::Setting { .. } | Self::Worker { .. } | Self::Cancelled => None,
        }
    }

    pub(crate) fn read(file: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Read { file: file.to_path_buf(), source }
    }

    pub(crate) fn write(file: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Write { file: file.to_path_buf(), source }
    }

    pub(crate) fn masks(file: &Path) -> impl FnOnce(kmax_masks::Error) -> Self + '_ {
        move |source| Self::Masks { file: file.to_path_buf(), source }
    }

    pub(crate) fn metric(file: &Path) -> impl FnOnce(kmax_metrics::Error) -> Self + '_ {
        move |source| Self::Metric { file: file.to_path_buf(), source }
    }

    pub(crate) fn entry(file: &Path, entry: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Entry { file: file.to_path_buf(), entry: entry.into(), reason: reason.into() }
    }

    pub(crate) fn file(file: &Path, reason: impl Into<String>) -> Self {
        Self::File { file: file.to_path_buf(), reason: reason.into() }
    }

    pub(crate) fn setting(name: &'static str, reason: impl Into<String>) -> Self {
        Self::Setting { name, reason: reason.into() }
    }
}

//! What can be wrong with a checkpoint.

use std::fmt;
use std::path::{Path, PathBuf};

use kmax_base::ErrorKind;

/// An error of this crate; its message names the file, the place in it and, where there is one, the tensor.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder cannot be opened or read.
    #[error("{}: {source}", file.display())]
    Io {
        /// The file or folder.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Nothing is at the path, and it is no prefix of a TensorFlow checkpoint either.
    #[error("{}: no such file or folder, and no {}", file.display(), index.display())]
    Absent {
        /// The path as it was given.
        file: PathBuf,
        /// The index that the prefix would have.
        index: PathBuf,
    },
    /// The path leads to no checkpoint, to several, or to a form that is not understood.
    #[error("{}: {reason}", file.display())]
    NotACheckpoint {
        /// The path as it was given.
        file: PathBuf,
        /// What was found and what was expected.
        reason: String,
    },
    /// A file that contradicts its own format.
    #[error("{}: {place}: {reason}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// Where in it, such as `byte 41 (data block)` or `archive/data.pkl, byte 7`.
        place: String,
        /// What is wrong and what was expected.
        reason: String,
    },
    /// A pickle is what a function or class would make that no tensor needs, and nothing else. Nothing was executed.
    #[error("{}: {place}: refused `{global}`: a checkpoint needs no such function or class", file.display())]
    Refused {
        /// The file.
        file: PathBuf,
        /// Where in it.
        place: String,
        /// The dotted name, such as `os.system`.
        global: String,
    },
    /// A tensor whose values cannot be had: its entry or its bytes are damaged or of an unsupported kind.
    #[error("{}: tensor `{}`: {reason}", file.display(), Short(name))]
    Tensor {
        /// The file that holds its bytes.
        file: PathBuf,
        /// The tensor's name.
        name: String,
        /// What is wrong and what was expected.
        reason: String,
    },
    /// A name that the checkpoint does not have.
    #[error("{}: no tensor `{}`{}", file.display(), Short(name), Nearest(nearest.as_deref()))]
    Missing {
        /// The checkpoint.
        file: PathBuf,
        /// The name asked for.
        name: String,
        /// The most similar name that there is.
        nearest: Option<String>,
    },
}

/// The result of an operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// A name as messages show it: a damaged file may have names of any length.
struct Short<'a>(&'a str);

impl fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(MOST_SHOWN) {
            Some((end, _)) => write!(f, "{}…", self.0.get(..end).unwrap_or_default()),
            None => f.write_str(self.0),
        }
    }
}

/// Bytes of a file as messages show them.
pub(crate) fn preview(bytes: &[u8]) -> String {
    let shown = bytes.get(..MOST_SHOWN).unwrap_or(bytes);
    format!("{}{}", shown.escape_ascii(), if shown.len() < bytes.len() { "…" } else { "" })
}

/// Characters of a name that a message shows.
const MOST_SHOWN: usize = 200;

struct Nearest<'a>(Option<&'a str>);

impl fmt::Display for Nearest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |name| write!(f, " (nearest: `{name}`)"))
    }
}

impl Error {
    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Io { source, .. } => ErrorKind::reading(source),
            Self::Absent { .. } | Self::Missing { .. } => ErrorKind::NotFound,
            Self::NotACheckpoint { .. } | Self::Refused { .. } => ErrorKind::Unsupported,
            Self::Damaged { .. } | Self::Tensor { .. } => ErrorKind::Damaged,
        }
    }

    /// The error with a file in the folder `from` told as one in `to`.
    pub(crate) fn moved(mut self, from: &Path, to: &Path) -> Self {
        let (Self::Io { file, .. }
        | Self::Absent { file, .. }
        | Self::NotACheckpoint { file, .. }
        | Self::Damaged { file, .. }
        | Self::Refused { file, .. }
        | Self::Tensor { file, .. }
        | Self::Missing { file, .. }) = &mut self;
        if let Ok(rest) = file.strip_prefix(from) {
            *file = if rest == Path::new("") { to.to_path_buf() } else { to.join(rest) };
        }
        self
    }

    pub(crate) fn io(file: &Path, source: std::io::Error) -> Self {
        Self::Io { file: file.to_path_buf(), source }
    }

    pub(crate) fn not_a_checkpoint(file: &Path, reason: impl Into<String>) -> Self {
        Self::NotACheckpoint { file: file.to_path_buf(), reason: reason.into() }
    }

    pub(crate) fn damaged(file: &Path, place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Damaged { file: file.to_path_buf(), place: place.into(), reason: reason.into() }
    }

    pub(crate) fn tensor(file: &Path, name: &str, reason: impl Into<String>) -> Self {
        Self::Tensor { file: file.to_path_buf(), name: name.to_string(), reason: reason.into() }
    }
}

/// A fault found by a parser that knows offsets but no file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Offset from the start of what was parsed.
    pub at: usize,
    pub kind: FaultKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FaultKind {
    Damaged(String),
    Refused(String),
}

pub(crate) type Parse<T> = std::result::Result<T, Fault>;

impl Fault {
    pub(crate) fn new(at: usize, reason: impl Into<String>) -> Self {
        Self { at, kind: FaultKind::Damaged(reason.into()) }
    }

    /// What is wrong, without the place.
    pub(crate) fn reason(&self) -> String {
        match &self.kind {
            FaultKind::Damaged(reason) => reason.clone(),
            FaultKind::Refused(global) => format!("refused `{global}`"),
        }
    }

    /// The fault as seen from `offset` bytes before the parsed part.
    pub(crate) fn shifted(mut self, offset: usize) -> Self {
        self.at = self.at.saturating_add(offset);
        self
    }

    /// The error in `file`; `part` names the piece of the file that was parsed, and may be empty.
    pub(crate) fn within(self, file: &Path, part: &str) -> Error {
        let comma = if part.is_empty() { "" } else { ", " };
        let (file, place) = (file.to_path_buf(), format!("{part}{comma}byte {}", self.at));
        match self.kind {
            FaultKind::Damaged(reason) => Error::Damaged { file, place, reason },
            FaultKind::Refused(global) => Error::Refused { file, place, global },
        }
    }
}

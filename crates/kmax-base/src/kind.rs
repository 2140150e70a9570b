//! Kinds of errors.

use std::fmt;
use std::io;

/// What kind of thing went wrong, whichever crate says so. Programs decide by it: the exit codes of `kmax` follow from
/// the kind alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A file, model, name or entry that does not exist or cannot be opened.
    NotFound,
    /// An input that contradicts its own format: cut off, corrupt, wrong types.
    Damaged,
    /// A valid input of a form that is not supported.
    Unsupported,
    /// Inputs that are valid alone and do not belong together: a model and weights, a model and a dataset.
    Incompatible,
    /// An argument or setting out of its range.
    InvalidArgument,
    /// A result that cannot be written.
    CannotWrite,
    /// More memory than there is or than the stated limit.
    OutOfMemory,
    /// Numbers that are no longer numbers.
    Diverged,
    /// Stopped on request.
    Cancelled,
    /// A server that cannot be reached or does not answer as it should.
    Network,
    /// A computation that failed for a reason of its own.
    Internal,
}

impl ErrorKind {
    /// The kind of an error met while an input was read.
    pub fn reading(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => Self::Damaged,
            io::ErrorKind::OutOfMemory => Self::OutOfMemory,
            _ => Self::NotFound,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "not found",
            Self::Damaged => "damaged",
            Self::Unsupported => "unsupported",
            Self::Incompatible => "incompatible",
            Self::InvalidArgument => "invalid argument",
            Self::CannotWrite => "cannot write",
            Self::OutOfMemory => "out of memory",
            Self::Diverged => "diverged",
            Self::Cancelled => "cancelled",
            Self::Network => "network",
            Self::Internal => "internal",
        })
    }
}

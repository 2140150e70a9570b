//! The kinds of our libraries' errors, by which [`exit`](crate::exit) decides.

use crate::exit::Kinded;
use kmax_base::ErrorKind;
use kmax_datasets::photo::PhotoError;

impl Kinded for PhotoError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Read { source, .. } => ErrorKind::reading(source),
            Self::Format { .. } => ErrorKind::Unsupported,
            _ => ErrorKind::Damaged,
        }
    }
}

impl Kinded for kmax_datasets::Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Io { source, .. } => ErrorKind::reading(source),
            Self::Photo(error) => error.kind(),
            Self::Worker { .. } => ErrorKind::Internal,
            // A transform refuses the image's shape.
            _ => ErrorKind::Damaged,
        }
    }
}

impl Kinded for kmax::Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Config { .. } => ErrorKind::InvalidArgument,
            Self::File { .. } | Self::Checkpoint(_) => ErrorKind::Damaged,
            Self::UnknownModel(_) => ErrorKind::NotFound,
            Self::Weights { .. } => ErrorKind::Incompatible,
            Self::Photo(error) => error.kind(),
            Self::Dataset(error) => error.kind(),
            #[cfg(feature = "hub")]
            Self::Hub(error) => error.kind(),
            _ => ErrorKind::Internal,
        }
    }
}

#[cfg(feature = "hub")]
impl Kinded for kmax::hub::Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Setting { .. } => ErrorKind::InvalidArgument,
            Self::NotFound { .. } => ErrorKind::NotFound,
            _ => ErrorKind::Network,
        }
    }
}

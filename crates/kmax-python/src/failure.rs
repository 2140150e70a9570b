//! Errors of our libraries as Python exceptions: the class follows from the kind alone.

use kmax_base::ErrorKind;
use pyo3::prelude::*;
use std::fmt::Display;

/// What went wrong, before it is Python's.
#[derive(Debug)]
pub struct Failure {
    kind: ErrorKind,
    message: String,
}

/// The result of work that knows no Python.
pub type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    pub fn new(kind: ErrorKind, message: impl Display) -> Self {
        Self { kind, message: message.to_string() }
    }

    /// An argument that makes no sense.
    pub fn argument(message: impl Display) -> Self {
        Self::new(ErrorKind::InvalidArgument, message)
    }
}

/// The exception's name in `kmax_deeplab.errors`.
fn class(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::NotFound => "NotFoundError",
        ErrorKind::Damaged => "DamagedError",
        ErrorKind::Unsupported => "UnsupportedError",
        ErrorKind::Incompatible => "IncompatibleError",
        ErrorKind::InvalidArgument => "InvalidArgumentError",
        ErrorKind::CannotWrite => "CannotWriteError",
        ErrorKind::OutOfMemory => "OutOfMemoryError",
        ErrorKind::Diverged => "DivergedError",
        ErrorKind::Cancelled => "CancelledError",
        ErrorKind::Network => "NetworkError",
        // Internal, and whatever kinds there will be.
        _ => "InternalError",
    }
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        Python::attach(|py| {
            let errors = py.import("kmax_deeplab.errors");
            let made =
                errors.and_then(|errors| errors.getattr(class(failure.kind))?.call1((failure.message,)));
            made.map_or_else(|error| error, PyErr::from_value)
        })
    }
}

macro_rules! failures {
    ($($error:ty),* $(,)?) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::new(error.kind(), error)
            }
        }
    )*};
}

failures!(
    kmax::Error,
    kmax::ImageError,
    kmax::convert::Error,
    kmax::hub::Error,
    kmax::masks::Error,
    kmax::pull::Error,
    kmax::render::Error,
    kmax::train::Error,
    kmax_checkpoints::Error,
    kmax_datasets::Error,
    kmax_metrics::Error,
);

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::new(ErrorKind::Internal, error)
    }
}

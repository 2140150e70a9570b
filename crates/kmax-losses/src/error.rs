//! What can go wrong between predictions and a loss.

use kmax_base::ErrorKind;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A tensor operation or a kernel failed.
    #[error(transparent)]
    Kernel(#[from] kmax_kernels::Error),
    /// A prediction whose shape does not fit the others or the targets.
    #[error("{what} has shape {found:?}, expected {expected:?}")]
    Shape {
        /// The tensor or list.
        what: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that would fit.
        expected: Vec<usize>,
    },
    /// A target with a class that the network does not have.
    #[error("image {image}: target {target} has class {label}, the network has {classes} classes")]
    Label {
        /// Index of the image within the batch.
        image: usize,
        /// Index of the target.
        target: usize,
        /// Its class index.
        label: u32,
        /// Classes that the network tells apart, void not counted.
        classes: usize,
    },
    /// Predictions that are not numbers: training has diverged.
    #[error("image {image}: {what} is not finite")]
    NotFinite {
        /// Index of the image within the batch.
        image: usize,
        /// The quantity.
        what: &'static str,
    },
    /// Labels that do not describe an image.
    #[error("targets: {0}")]
    Targets(String),
    /// A setting out of its range.
    #[error("loss configuration: {0}")]
    Config(String),
}

impl Error {
    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Kernel(error) => error.kind(),
            Self::Shape { .. } | Self::Label { .. } | Self::Targets(_) => ErrorKind::Incompatible,
            Self::NotFinite { .. } => ErrorKind::Diverged,
            Self::Config(_) => ErrorKind::InvalidArgument,
        }
    }
}

impl From<candle_core::Error> for Error {
    fn from(error: candle_core::Error) -> Self {
        Self::Kernel(error.into())
    }
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

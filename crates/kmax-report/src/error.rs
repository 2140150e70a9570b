//! What keeps a page from being made.

use kmax_base::ErrorKind;

/// An error of this crate; its message names the file or the image.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An image or its labels cannot be read.
    #[error(transparent)]
    Dataset(#[from] kmax_datasets::Error),
    /// Segments cannot be drawn.
    #[error(transparent)]
    Render(#[from] kmax_render::Error),
    /// A prediction does not fit its image.
    #[error(transparent)]
    Metrics(#[from] kmax_metrics::Error),
    /// A picture cannot be written as a JPEG.
    #[error("a picture of {width} x {height} pixels: {source}")]
    Picture {
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
        /// What the encoder says.
        source: image::ImageError,
    },
    /// A setting out of its range.
    #[error("{name}: {reason}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// What is wrong and what was expected.
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
            Self::Dataset(source) => source.kind(),
            Self::Render(source) => source.kind(),
            Self::Metrics(source) => source.kind(),
            Self::Picture { .. } => ErrorKind::Internal,
            Self::Setting { .. } => ErrorKind::InvalidArgument,
            Self::Cancelled => ErrorKind::Cancelled,
        }
    }
}

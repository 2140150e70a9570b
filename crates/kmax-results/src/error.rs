//! Why a result cannot be made.

use kmax_base::ErrorKind;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Post-processing.
    #[error(transparent)]
    Model(#[from] kmax_model::Error),
    /// A map.
    #[error(transparent)]
    Masks(#[from] kmax_masks::Error),
    /// The overlay.
    #[error(transparent)]
    Render(#[from] kmax_render::Error),
    /// A PNG.
    #[error("PNG: {0}")]
    Png(#[from] image::ImageError),
    /// A list.
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Model(error) => error.kind(),
            Self::Masks(error) => error.kind(),
            Self::Render(error) => error.kind(),
            Self::Png(_) | Self::Json(_) => ErrorKind::Internal,
        }
    }
}

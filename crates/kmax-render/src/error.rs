//! What cannot be drawn.

use kmax_base::ErrorKind;

/// An error of this crate; its message says what was expected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Image and map differ in size.
    #[error("the image has {width} x {height} pixels, its map {map_width} x {map_height}")]
    SizesDiffer {
        /// Width of the image.
        width: usize,
        /// Height of the image.
        height: usize,
        /// Width of the map.
        map_width: usize,
        /// Height of the map.
        map_height: usize,
    },
    /// A setting out of its range.
    #[error("{name}: {reason}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// What is wrong and what was expected.
        reason: String,
    },
    /// A smaller map cannot be made.
    #[error(transparent)]
    Masks(#[from] kmax_masks::Error),
}

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::SizesDiffer { .. } => ErrorKind::Incompatible,
            Self::Setting { .. } => ErrorKind::InvalidArgument,
            Self::Masks(source) => source.kind(),
        }
    }
}

//! Why an image cannot be segmented in tiles.

use kmax_base::ErrorKind;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Tiles that make no sense.
    #[error("tiles: {0}")]
    Setting(String),
    /// A tile's result is of another size than the tile.
    #[error("a tile of {width} x {height} pixels was given a map of {map_width} x {map_height}")]
    SizesDiffer {
        /// Width of the tile.
        width: usize,
        /// Height of the tile.
        height: usize,
        /// Width of the map.
        map_width: usize,
        /// Height of the map.
        map_height: usize,
    },
    /// A tile's map names a segment that its list has not, or more of them than a tile can have.
    #[error("a tile's result: {0}")]
    Segments(String),
    /// Somebody asked to stop.
    #[error("stopped after {done} of {total} tiles")]
    Cancelled {
        /// Tiles that were done.
        done: usize,
        /// All tiles.
        total: usize,
    },
    /// The image cannot be read further.
    #[error(transparent)]
    Image(#[from] kmax_transforms::Error),
    /// A map that cannot be.
    #[error(transparent)]
    Masks(#[from] kmax_masks::Error),
}

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Setting(_) => ErrorKind::InvalidArgument,
            Self::SizesDiffer { .. } | Self::Segments(_) => ErrorKind::Incompatible,
            Self::Cancelled { .. } => ErrorKind::Cancelled,
            Self::Image(source) => source.kind(),
            Self::Masks(source) => source.kind(),
        }
    }
}

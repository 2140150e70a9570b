//! Why an image cannot be read or changed.

use std::io;
use std::path::{Path, PathBuf};

use kmax_base::ErrorKind;

/// The largest image that is read: 400 megapixels, 1.2 GB as RGB.
pub const MAX_PIXELS: u64 = 400_000_000;

/// An error of this crate; its message names the file, or the setting and what was expected of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be opened or read.
    #[error("{}: {source}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The bytes are no JPEG, PNG or WebP picture.
    #[error("{}: not a JPEG, PNG or WebP picture", file.display())]
    Format {
        /// The file.
        file: PathBuf,
    },
    /// The picture is damaged.
    #[error("{}: damaged {format} picture: {reason}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// `JPEG`, `PNG` or `WebP`.
        format: &'static str,
        /// What the decoder says.
        reason: String,
    },
    /// The picture is larger than [`MAX_PIXELS`].
    #[error("{}: {width}x{height} pixels are more than the {MAX_PIXELS} that are read", file.display())]
    TooLarge {
        /// The file.
        file: PathBuf,
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
    },
    /// A setting of a transform, or a size, that makes no sense.
    #[error("{name}: {reason}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// What is wrong and what was expected.
        reason: String,
    },
}

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Read { source, .. } => ErrorKind::reading(source),
            Self::Format { .. } | Self::TooLarge { .. } => ErrorKind::Unsupported,
            Self::Damaged { .. } => ErrorKind::Damaged,
            Self::Setting { .. } => ErrorKind::InvalidArgument,
        }
    }

    /// The file concerned.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Read { file, .. }
            | Self::Format { file }
            | Self::Damaged { file, .. }
            | Self::TooLarge { file, .. } => Some(file),
            Self::Setting { .. } => None,
        }
    }

    pub(crate) fn setting(name: &'static str, reason: impl Into<String>) -> Self {
        Self::Setting { name, reason: reason.into() }
    }
}

//! Why an image cannot be read or changed.

use std::io;
use std::path::{Path, PathBuf};

use kmax_base::ErrorKind;

/// The largest image that is read: 400 megapixels, 1.2 GB as RGB.
pub const MAX_PIXELS: u64 = kmax_masks::MAX_PIXELS as u64;

/// The formats that every build reads, in words.
pub const FORMATS: &str = "JPEG, PNG, WebP, TIFF, GIF, BMP or PNM";

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
    /// The bytes are no picture of a form that is known.
    #[error("{}: not a picture of a known form ({FORMATS})", file.display())]
    Format {
        /// The file.
        file: PathBuf,
    },
    /// The bytes are something that is known and not read.
    #[error("{}: {what}, which is not read here; {advice}", file.display())]
    Unread {
        /// The file.
        file: PathBuf,
        /// What it is, with its article.
        what: String,
        /// What to do about it.
        advice: String,
    },
    /// The picture is damaged.
    #[error("{}: damaged {format} picture: {reason}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// `JPEG`, `PNG`, `TIFF` and so on.
        format: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The picture is larger than [`MAX_PIXELS`], or than the caller wants it.
    #[error("{}: {width}x{height} pixels are more than the {most} that are read", file.display())]
    TooLarge {
        /// The file.
        file: PathBuf,
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
        /// The most pixels that are read.
        most: u64,
    },
    /// The picture, and what is to be made of it, need more memory than there is; nothing was decoded.
    #[error("{}: {width}x{height} pixels need about {} of memory, and {} are free", file.display(), bytes(*needed), bytes(*available))]
    Memory {
        /// The file.
        file: PathBuf,
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
        /// Bytes that it would take, by estimate.
        needed: u64,
        /// Bytes that there are.
        available: u64,
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
            Self::Format { .. } | Self::Unread { .. } | Self::TooLarge { .. } => ErrorKind::Unsupported,
            Self::Memory { .. } => ErrorKind::OutOfMemory,
            Self::Damaged { .. } => ErrorKind::Damaged,
            Self::Setting { .. } => ErrorKind::InvalidArgument,
        }
    }

    /// The file concerned.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Read { file, .. }
            | Self::Format { file }
            | Self::Unread { file, .. }
            | Self::Damaged { file, .. }
            | Self::Memory { file, .. }
            | Self::TooLarge { file, .. } => Some(file),
            Self::Setting { .. } => None,
        }
    }

    pub(crate) fn setting(name: &'static str, reason: impl Into<String>) -> Self {
        Self::Setting { name, reason: reason.into() }
    }
}

/// Bytes for people.
fn bytes(count: u64) -> String {
    match count {
        0..1_000_000_000 => format!("{} MB", count.div_ceil(1_000_000)),
        _ => format!("{:.1} GB", count as f64 / 1e9),
    }
}

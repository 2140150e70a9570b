//! What can be wrong with a mask, a map or a table.

use kmax_base::ErrorKind;

/// An error of this crate; its message names the entry concerned and what was expected of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The number of values is not width times height.
    #[error("a map of {width} x {height} pixels needs {} values, got {len}", *width as u128 * *height as u128)]
    Length {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// The number of values given.
        len: usize,
    },
    /// More pixels than [`crate::MAX_PIXELS`].
    #[error(
        "{width} x {height} pixels (a map of {:.1} GB) are more than the {most} that are read",
        4e-9 * *width as f64 * *height as f64
    )]
    TooLarge {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// The most that are read.
        most: usize,
    },
    /// There is no memory for a map.
    #[error("{width} x {height} pixels: {reason}")]
    Memory {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// How much is needed, and how much is left.
        reason: String,
    },
    /// Two maps or masks that belong together differ in size.
    #[error("sizes differ: {left_width} x {left_height} and {right_width} x {right_height} pixels")]
    SizesDiffer {
        /// Width of the first.
        left_width: usize,
        /// Height of the first.
        left_height: usize,
        /// Width of the second.
        right_width: usize,
        /// Height of the second.
        right_height: usize,
    },
    /// A run-length code that does not describe a mask.
    #[error("run-length code: {0}")]
    Rle(String),
    /// A polygon that cannot be filled.
    #[error("polygon: {0}")]
    Polygon(String),
    /// A PNG that cannot be read or is of another form than expected.
    #[error("PNG: {0}")]
    Png(String),
    /// A value that the target form cannot hold.
    #[error("{what} {value} does not fit: at most {max} is possible")]
    Range {
        /// What the value is (segment id, class, instance).
        what: &'static str,
        /// The value.
        value: u64,
        /// The largest value that the form holds.
        max: u64,
    },
    /// Two categories or segments share an id.
    #[error("{what} id {id} occurs twice")]
    Duplicate {
        /// `category` or `segment`.
        what: &'static str,
        /// The id.
        id: u32,
    },
    /// A category id that the table does not have.
    #[error("unknown category id {id}")]
    UnknownCategory {
        /// The id.
        id: u32,
    },
    /// A segment of the list that has no pixel, or a pixel whose segment is not in the list.
    #[error("segment id {id} is in the {present} but not in the {absent}")]
    Segment {
        /// The id.
        id: u32,
        /// Where it is: `map` or `segment list`.
        present: &'static str,
        /// Where it is not.
        absent: &'static str,
    },
    /// A text that is not the name of a [`Dataset`](crate::Dataset).
    #[error("{0:?} is no dataset: expected coco, cityscapes or ade20k")]
    UnknownDataset(String),
}

impl Error {
    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Length { .. } | Self::Range { .. } | Self::UnknownDataset(_) => ErrorKind::InvalidArgument,
            Self::TooLarge { .. } => ErrorKind::Unsupported,
            Self::Memory { .. } => ErrorKind::OutOfMemory,
            Self::SizesDiffer { .. } | Self::UnknownCategory { .. } => ErrorKind::Incompatible,
            Self::Rle(_)
            | Self::Polygon(_)
            | Self::Png(_)
            | Self::Duplicate { .. }
            | Self::Segment { .. } => ErrorKind::Damaged,
        }
    }
}

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

//! What can be wrong with what is to be evaluated.

use kmax_base::ErrorKind;
use kmax_masks::ImageId;

/// An error of this crate; its message names the image and the entry concerned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Something is wrong in one image.
    #[error("image {image}: {source}")]
    Image {
        /// The image.
        image: ImageId,
        /// What is wrong.
        source: Box<Error>,
    },
    /// A map or a mask is wrong.
    #[error(transparent)]
    Mask(#[from] kmax_masks::Error),
    /// An image was added twice, or is in both halves of a merge.
    #[error("image {0} was added before")]
    DuplicateImage(ImageId),
    /// A segment of the ground truth or the prediction is not as it must be.
    #[error("{side} segment {id}: {problem}")]
    Segment {
        /// `ground truth` or `predicted`.
        side: &'static str,
        /// The segment's id.
        id: u32,
        /// What is wrong.
        problem: String,
    },
    /// A detection or an annotation is not as it must be.
    #[error("{what} {index}: {problem}")]
    Entry {
        /// `annotation` or `detection`.
        what: &'static str,
        /// The position in its list, from 0.
        index: usize,
        /// What is wrong.
        problem: String,
    },
    /// A pixel holds a label that the metric does not know.
    #[error("pixel ({x}, {y}) of the {side} holds {label}, expected {expected}")]
    Label {
        /// `ground truth` or `prediction`.
        side: &'static str,
        /// Column.
        x: usize,
        /// Row.
        y: usize,
        /// What it holds.
        label: u32,
        /// What it may hold.
        expected: String,
    },
    /// Two accumulators that measure different things cannot be merged.
    #[error("cannot merge: {0} differ")]
    Merge(&'static str),
    /// A setting that makes no sense.
    #[error("{0}")]
    Setting(String),
}

impl Error {
    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Image { source, .. } => source.kind(),
            Self::Mask(source) => source.kind(),
            Self::DuplicateImage(_) | Self::Setting(_) => ErrorKind::InvalidArgument,
            Self::Segment { .. } | Self::Entry { .. } => ErrorKind::Damaged,
            Self::Label { .. } | Self::Merge(_) => ErrorKind::Incompatible,
        }
    }

    /// Says in which image it happened.
    pub fn in_image(self, image: &ImageId) -> Self {
        match self {
            located @ (Self::Image { .. } | Self::DuplicateImage(_)) => located,
            other => Self::Image { image: image.clone(), source: Box::new(other) },
        }
    }
}

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

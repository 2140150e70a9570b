//! What can go wrong with a model.

use kmax_base::ErrorKind;
use std::path::{Path, PathBuf};

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A configuration field that contradicts the others.
    #[error("config: {field}: {reason}")]
    Config {
        /// The field.
        field: String,
        /// What is wrong and what was expected.
        reason: String,
    },
    /// A file of a model folder.
    #[error("{}: {reason}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What kind of fault it is.
        kind: ErrorKind,
        /// What is wrong and what was expected.
        reason: String,
    },
    /// No model of that name.
    #[error("{0}")]
    UnknownModel(String),
    /// The weights do not belong to the configuration.
    #[error("{what}: {reason}")]
    Weights {
        /// Where the weights come from.
        what: String,
        /// What is missing, unused or misshapen.
        reason: String,
    },
    /// An argument that makes no sense here, such as a precision that the device cannot compute in.
    #[error("{0}")]
    Argument(String),
    /// The memory of a device does not suffice.
    #[error(
        "{device}: its memory does not suffice for {images} x 3 x {} x {} values at once: they need some {:.1} GB by estimate, {:.1} GB are free",
        size[0], size[1], 1e-9 * *needed as f64, 1e-9 * *free as f64
    )]
    DeviceMemory {
        /// The device.
        device: String,
        /// Images that went into the network together.
        images: usize,
        /// Their height and width at its input.
        size: [usize; 2],
        /// Bytes that they need, by estimate.
        needed: u64,
        /// Bytes that were free when it was over.
        free: u64,
    },
    /// The network did something unexpected.
    #[error("network: {0}")]
    Network(String),
    /// Weights or logits of a network that are no numbers.
    #[error("{what} is not a number")]
    NotFinite {
        /// The tensor, or the network's output.
        what: String,
    },
    /// A model that could not be fetched.
    #[error("{source}")]
    Fetch {
        /// What kind of fault it is.
        kind: ErrorKind,
        /// What the client says; with the feature `hub` a `kmax_hub::Error`.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An image that cannot be brought to the network's size.
    #[error(transparent)]
    Transform(#[from] kmax_transforms::Error),
    /// An image that cannot be segmented in tiles.
    #[error(transparent)]
    Tiles(#[from] kmax_tiles::Error),
    /// The backbone.
    #[error(transparent)]
    Backbone(#[from] kmax_backbones::Error),
    /// The pixel decoder.
    #[error(transparent)]
    PixelDecoder(#[from] kmax_pixel_decoder::Error),
    /// The k-means decoder.
    #[error(transparent)]
    Decoder(#[from] kmax_attention::Error),
    /// A head.
    #[error(transparent)]
    Head(#[from] kmax_heads::Error),
    /// A layer.
    #[error(transparent)]
    Nn(#[from] kmax_nn::Error),
    /// A mask.
    #[error(transparent)]
    Masks(#[from] kmax_masks::Error),
    /// A tensor operation failed.
    #[error("tensor operation failed: {0}")]
    Tensor(#[from] candle_core::Error),
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl From<kmax_kernels::Error> for Error {
    fn from(error: kmax_kernels::Error) -> Self {
        Self::Nn(error.into())
    }
}

impl Error {
    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Config { .. } | Self::Argument(_) => ErrorKind::InvalidArgument,
            Self::File { kind, .. } | Self::Fetch { kind, .. } => *kind,
            Self::UnknownModel(_) => ErrorKind::NotFound,
            Self::Weights { .. } => ErrorKind::Incompatible,
            Self::Transform(error) => error.kind(),
            Self::Tiles(error) => error.kind(),
            Self::Backbone(error) => error.kind(),
            Self::PixelDecoder(error) => error.kind(),
            Self::Decoder(error) => error.kind(),
            Self::Head(error) => error.kind(),
            Self::Nn(error) => error.kind(),
            Self::Masks(error) => error.kind(),
            Self::NotFinite { .. } => ErrorKind::Diverged,
            Self::DeviceMemory { .. } => ErrorKind::OutOfMemory,
            Self::Network(_) | Self::Tensor(_) => ErrorKind::Internal,
        }
    }

    /// A file with a fault of that kind.
    pub fn file(file: &Path, kind: ErrorKind, reason: impl ToString) -> Self {
        Self::File { file: file.into(), kind, reason: reason.to_string() }
    }

    /// A file that could not be read.
    pub(crate) fn reading(file: &Path) -> impl Fn(std::io::Error) -> Self + '_ {
        move |error| Self::file(file, ErrorKind::reading(&error), error)
    }
}

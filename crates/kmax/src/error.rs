//! What can go wrong above the single crates.

use std::path::PathBuf;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
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
    /// The network did something unexpected.
    #[error("network: {0}")]
    Network(String),
    /// A checkpoint of an original.
    #[error(transparent)]
    Checkpoint(#[from] kmax_checkpoints::Error),
    /// The Hugging Face Hub.
    #[cfg(feature = "hub")]
    #[error(transparent)]
    Hub(#[from] crate::hub::Error),
    /// An image that cannot be read, or that a transform does not take.
    #[error(transparent)]
    Transform(#[from] kmax_transforms::Error),
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

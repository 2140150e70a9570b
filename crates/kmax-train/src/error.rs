//! What can go wrong while training.

use kmax_base::ErrorKind;
use std::path::{Path, PathBuf};

/// Errors of the trainer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The training configuration cannot be read or contradicts itself.
    #[error("{}: {reason}", file.display())]
    Config {
        /// The configuration file.
        file: PathBuf,
        /// What is wrong and what was expected.
        reason: String,
    },
    /// A setting that cannot work.
    #[error("{0}")]
    Setting(String),
    /// Weights to start from that do not fit.
    #[error("{weights}: {reason}")]
    Start {
        /// Where they come from, as the configuration names it.
        weights: String,
        /// What is wrong.
        reason: String,
    },
    /// The data and the model do not fit each other.
    #[error("{}: {reason}", file.display())]
    Data {
        /// The file concerned.
        file: PathBuf,
        /// What is wrong and what was expected.
        reason: String,
    },
    /// A checkpoint that cannot be read, written or continued from.
    #[error("checkpoint {}: {reason}", file.display())]
    Checkpoint {
        /// The checkpoint.
        file: PathBuf,
        /// What kind of fault it is.
        kind: ErrorKind,
        /// What is wrong and what was expected.
        reason: String,
    },
    /// Another process trains into the folder.
    #[error("{}: another process trains into this folder", folder.display())]
    Busy {
        /// The run's folder.
        folder: PathBuf,
    },
    /// The log cannot be read or written.
    #[error("{}: {reason}", file.display())]
    Output {
        /// The file concerned.
        file: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The loss is no longer a number; the last checkpoint is from before.
    #[error(
        "the loss is {loss} at step {step}: lower the learning rate or clip the gradient, and begin anew, or in another folder with the last checkpoint as `weights`"
    )]
    Diverged {
        /// The step, counted from 0.
        step: usize,
        /// The loss.
        loss: f64,
    },
    /// What a step needs cannot be had.
    #[error("{what}: {source}")]
    Memory {
        /// What it is that needs it.
        what: String,
        /// How much it is, and how much there is.
        source: std::io::Error,
    },
    /// An image or a label could not be read.
    #[error(transparent)]
    Dataset(#[from] kmax_datasets::Error),
    /// A setting of the augmentation that cannot work.
    #[error(transparent)]
    Transform(#[from] kmax_transforms::Error),
    /// The criterion failed.
    #[error(transparent)]
    Losses(#[from] kmax_losses::Error),
    /// A layer or the optimizer failed.
    #[error(transparent)]
    Nn(#[from] kmax_nn::Error),
    /// The metric refused a label map.
    #[error(transparent)]
    Metric(#[from] kmax_metrics::Error),
    /// The model failed.
    #[error(transparent)]
    Model(#[from] kmax_model::Error),
    /// Another rank of the run cannot be reached.
    #[error(transparent)]
    Ranks(#[from] kmax_kernels::Error),
    /// A tensor operation failed.
    #[error("tensor operation failed: {0}")]
    Tensor(#[from] candle_core::Error),
}

/// Result of the trainer.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A checkpoint with a fault of that kind.
    pub(crate) fn checkpoint(file: &Path, kind: ErrorKind, reason: impl ToString) -> Self {
        Self::Checkpoint { file: file.into(), kind, reason: reason.to_string() }
    }

    /// Whether the weights are as they were after the last step: an input failed, and neither the network nor the disk.
    pub(crate) fn leaves_the_weights(&self) -> bool {
        matches!(self, Self::Dataset(_) | Self::Transform(_) | Self::Data { .. })
    }

    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Config { .. } => ErrorKind::Damaged,
            Self::Setting(_) | Self::Start { .. } | Self::Data { .. } | Self::Busy { .. } => {
                ErrorKind::Incompatible
            }
            Self::Checkpoint { kind, .. } => *kind,
            Self::Output { .. } => ErrorKind::CannotWrite,
            Self::Diverged { .. } => ErrorKind::Diverged,
            Self::Memory { .. } => ErrorKind::OutOfMemory,
            Self::Dataset(error) => error.kind(),
            Self::Transform(error) => error.kind(),
            Self::Losses(error) => error.kind(),
            Self::Nn(error) => error.kind(),
            Self::Metric(error) => error.kind(),
            Self::Model(error) => error.kind(),
            Self::Ranks(error) => error.kind(),
            Self::Tensor(_) => ErrorKind::Internal,
        }
    }
}

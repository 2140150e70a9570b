//! What can go wrong while training.

use std::path::PathBuf;

/// Errors of the trainer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The training configuration cannot be read or contradicts itself.
    #[error("{}: {reason}", file.display())]
    Config {
        /// The configuration file.
        file: PathBuf,
        /// What is wrong and what was expected.
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
        /// What is wrong and what was expected.
        reason: String,
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
    #[error("the loss is {loss} at step {step}: lower the learning rate, or clip the gradient, and resume")]
    Diverged {
        /// The step, counted from 0.
        step: usize,
        /// The loss.
        loss: f64,
    },
    /// A photo or a label could not be read.
    #[error(transparent)]
    Dataset(#[from] kmax_datasets::Error),
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
    Model(#[from] crate::Error),
    /// A tensor operation failed.
    #[error("tensor operation failed: {0}")]
    Tensor(#[from] candle_core::Error),
}

/// Result of the trainer.
pub type Result<T> = std::result::Result<T, Error>;

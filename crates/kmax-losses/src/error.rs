//! What can go wrong between predictions and a loss.

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A tensor operation failed.
    #[error("tensor operation failed: {0}")]
    Tensor(#[from] candle_core::Error),
    /// A layer or an op below failed.
    #[error(transparent)]
    Nn(#[from] kmax_nn::Error),
    /// A prediction whose shape does not fit the others or the targets.
    #[error("{what} has shape {found:?}, expected {expected:?}")]
    Shape {
        /// The tensor or list.
        what: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that would fit.
        expected: Vec<usize>,
    },
    /// A target with a class that the network does not have.
    #[error("image {image}: target {target} has class {label}, the network has {classes} classes")]
    Label {
        /// Index of the photo within the batch.
        image: usize,
        /// Index of the target.
        target: usize,
        /// Its class index.
        label: u32,
        /// Classes that the network tells apart, void not counted.
        classes: usize,
    },
    /// Predictions that are not numbers: training has diverged.
    #[error("image {image}: {what} is not finite")]
    NotFinite {
        /// Index of the photo within the batch.
        image: usize,
        /// The quantity.
        what: &'static str,
    },
    /// Labels that do not describe a photo.
    #[error("targets: {0}")]
    Targets(String),
    /// A setting out of its range.
    #[error("loss configuration: {0}")]
    Config(String),
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

//! Normalisations.

mod batch;
mod l2;
mod layer;

pub(crate) use batch::Train;
pub use batch::{
    NormStep, TrainedNorm, batch_norm, batch_norm_train, channel_affine, channel_affine_activated,
};
pub use l2::l2_normalize;
pub use layer::layer_norm;
pub(crate) use layer::normalize;

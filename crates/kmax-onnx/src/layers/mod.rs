//! Layers as operators: what `kmax_nn::layers` are as code.

mod activation;
mod axial;
mod conv;
mod folded;
mod norm;
mod resize;
pub mod sampling;

pub use activation::activate;
pub use axial::{Axial, axial};
pub use conv::{add, conv, conv_norm, linear, max_pool, sequence};
pub use folded::{Folded, batch_norm, parameter};
pub use norm::{l2_normalize, layer_norm, layer_norm_last};
pub use resize::{aligned, resize};

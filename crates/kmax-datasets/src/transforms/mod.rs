//! From samples to what a network takes.
//!
//! [`train`] is what our own trainer does, [`eval`] prepares photos for inference in the ways of both originals,
//! [`deeplab2`] and [`port`] hold the training transforms of the two originals.

pub mod colour;
pub mod deeplab2;
pub mod eval;
pub mod labels;
pub mod pillow;
pub mod planar;
pub mod port;
pub mod resample;
pub mod train;

//! From samples to what a network takes.

pub mod colour;
pub mod resample;
pub mod train;

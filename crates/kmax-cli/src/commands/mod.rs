//! One file a command.

pub mod dataset;
pub mod eval;
pub mod segment;
pub mod train;

//! One file a command.

pub mod convert;
pub mod dataset;
pub mod devices;
mod each;
pub mod eval;
pub mod export;
pub mod manual;
pub mod merge;
pub mod models;
pub mod page;
#[cfg(feature = "hub")]
pub mod pull;
pub mod quantize;
pub mod segment;
#[cfg(feature = "serve")]
pub mod serve;
pub mod train;

//! From class and mask logits to segments, in the manners of both originals.

mod config;

pub use config::{Manner, Method, PostprocessConfig};

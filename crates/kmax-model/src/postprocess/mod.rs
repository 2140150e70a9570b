//! From class and mask logits to segments, in the conventions of the reference implementations.
//!
//! [`QueryLogits`] holds what the network said about one image and [`Frame`] where the image lies in its input. Then
//! [`panoptic`], [`semantic`] and [`instances`] give results in the image's size. The resized masks are never held as
//! a whole: [`kmax_kernels::ResizedMasks`] shows them block by block, and what stays is one number for each pixel and a
//! short list of the pixels that several masks claim.

mod assignment;
mod claims;
mod classes;
mod config;
mod frame;
mod instances;
mod lanes;
mod maskwise;
mod on_device;
mod outlines;
mod panoptic;
mod pixelwise;
mod query_logits;
mod semantic;
#[cfg(test)]
mod tests;
mod total;

pub use assignment::{Assignment, Mask};
pub use config::{Convention, Method, PostprocessConfig};
pub use frame::Frame;
pub use instances::{Instance, Scope, instances};
pub(crate) use on_device::OnDevice;
pub use panoptic::{assign, panoptic, panoptic_of_queries};
pub use query_logits::QueryLogits;
pub use semantic::semantic;

/// Output rows of one task.
const BAND: usize = 64;

//! Where models come from.

mod repo;

pub use repo::HubRepo;

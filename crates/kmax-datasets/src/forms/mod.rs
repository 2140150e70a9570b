//! What annotation tools write, and what they take back.
pub mod write;

//! Training: AdamW with parameter groups, learning-rate schedules and an average of the weights.

mod adamw;
mod groups;
mod kept;
mod schedule;
mod state;
mod update;

pub use adamw::{AdamW, AdamWConfig, Gradients};
pub use groups::Group;
pub use schedule::Schedule;

//! What all requests share.

use crate::budget::Budget;
use crate::metrics::Metrics;
use crate::models::Models;
use crate::predictions::Kept;
use crate::queue::Queue;
use crate::settings::Settings;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// The server, as a request sees it.
#[derive(Debug)]
pub(crate) struct State {
    pub settings: Settings,
    pub models: Models,
    pub queue: Queue,
    pub budget: Budget,
    pub kept: Kept,
    pub metrics: Metrics,
    /// Whether it still takes work: not once it was asked to stop.
    pub ready: AtomicBool,
}

/// As handlers take it.
pub(crate) type Shared = axum::extract::State<Arc<State>>;

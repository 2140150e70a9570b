//! Whether the server takes work.

use crate::problem::Problem;
use crate::state::State;
use axum::http::StatusCode;
use std::sync::atomic::Ordering;

/// An error if no new work is taken.
pub(crate) fn is_ready(state: &State) -> Result<(), Problem> {
    if state.ready.load(Ordering::Relaxed) {
        return Ok(());
    }
    Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "cancelled", "the server ends"))
}

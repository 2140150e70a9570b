//! The interface, one file a group of routes.

mod explanations;
mod health;
mod models;
pub(crate) mod page;
mod predictions;
mod segment;

use crate::state::State;
use crate::{kserve, label_studio};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;

/// All routes that programs use.
pub(crate) fn router() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::new()
        .merge(segment::router())
        .merge(models::router())
        .merge(predictions::router())
        .merge(explanations::router())
        .merge(health::router())
        .merge(label_studio::router())
        .merge(kserve::router())
}

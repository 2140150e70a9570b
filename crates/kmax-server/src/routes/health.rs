//! Whether the server lives, and its numbers.

use crate::exposition;
use crate::health;
use crate::problem::Problem;
use crate::state::{Shared, State};
use axum::extract;
use axum::http::header;
use axum::response::IntoResponse;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn router() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::new().routes(routes!(alive)).routes(routes!(ready)).routes(routes!(numbers))
}

/// Whether the process answers.
#[utoipa::path(get, path = "/healthz", tag = "health", security(()), responses(
    (status = 200, description = "It does.", body = String, content_type = "text/plain"),
    (status = "default", description = "What is wrong.", body = Problem, content_type = "application/problem+json"),
))]
async fn alive() -> &'static str {
    "ok\n"
}

/// Whether new work is taken.
#[utoipa::path(get, path = "/readyz", tag = "health", security(()), responses(
    (status = 200, description = "It is.", body = String, content_type = "text/plain"),
    (status = "default", description = "It is not: the server ends.", body = Problem, content_type = "application/problem+json"),
))]
async fn ready(extract::State(state): Shared) -> Result<&'static str, Problem> {
    health::is_ready(&state).map(|()| "ok\n")
}

/// Counts, sizes and times in Prometheus' text form.
#[utoipa::path(get, path = "/metrics", tag = "health", responses(
    (status = 200, description = "The numbers.", body = String, content_type = "text/plain"),
    (status = "default", description = "What is wrong.", body = Problem, content_type = "application/problem+json"),
))]
async fn numbers(extract::State(state): Shared) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], exposition::text(&state))
}

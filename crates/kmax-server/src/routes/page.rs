//! What people see: a page at `/`, and what it needs to know.

use crate::problem::Problem;
use crate::state::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use std::sync::Arc;

/// The page's routes, and the answers to what there is not.
pub(crate) fn router() -> Router<Arc<State>> {
    Router::new()
        .route("/", get(|| async { Html(include_str!("page.html")) }))
        .route("/config.json", get(|| async { Json(json!({"backend": "server"})) }))
        .fallback(async || {
            Problem::not_found("there is nothing at this address; /openapi.json lists what there is")
        })
        .method_not_allowed_fallback(async || {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "invalid argument",
                "this address takes other methods",
            )
        })
}

/// The description of the interface.
pub(crate) fn openapi(document: Arc<str>) -> Router<Arc<State>> {
    let answer =
        async move || ([(header::CONTENT_TYPE, "application/json")], document.to_string()).into_response();
    Router::new().route("/openapi.json", get(answer))
}

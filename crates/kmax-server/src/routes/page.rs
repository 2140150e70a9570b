//! What people see: the page at `/`, its files, and what it needs to know.

use crate::problem::Problem;
use crate::state::State;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use kmax_page::File;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// The page's routes.
pub(crate) fn router() -> Router<Arc<State>> {
    let mut router = Router::new().route("/config.json", get(async || Json(json!({"backend": "server"}))));
    for file in kmax_page::files() {
        let tag: String =
            Sha256::digest(file.bytes).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let tag = HeaderValue::from_str(&format!("\"{tag}\"")).unwrap_or(HeaderValue::from_static("\"\""));
        let answer = get(async move |headers: HeaderMap| answer(*file, tag, &headers));
        if file.path == "index.html" {
            router = router.route("/", answer.clone());
        }
        router = router.route(&format!("/{}", file.path), answer);
    }
    router
}

/// A file, unless the browser has it: it asks each time, for another version of the program may have others.
fn answer(file: File, tag: HeaderValue, headers: &HeaderMap) -> Response {
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|tags| {
        tags.to_str().is_ok_and(|tags| {
            tags.split(',').any(|known| known.trim().trim_start_matches("W/").as_bytes() == tag.as_bytes())
        })
    });
    let more = [(header::ETAG, tag), (header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
    if known {
        return (StatusCode::NOT_MODIFIED, more).into_response();
    }
    (more, [(header::CONTENT_TYPE, file.media_type)], file.bytes).into_response()
}

/// With answers to what there is not; all other routes have to be there.
pub(crate) fn with_fallbacks(router: Router<Arc<State>>) -> Router<Arc<State>> {
    router
        .fallback(async |request: Request| {
            let path = request.uri().path().chars().take(100).collect::<String>();
            Problem::not_found(format!("there is nothing at {path}; /openapi.json lists what there is"))
        })
        .method_not_allowed_fallback(async || {
            let detail = "this address takes other methods";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "invalid argument", detail)
        })
}

/// The description of the interface.
pub(crate) fn openapi(document: Arc<str>) -> Router<Arc<State>> {
    let answer =
        async move || ([(header::CONTENT_TYPE, "application/json")], document.to_string()).into_response();
    Router::new().route("/openapi.json", get(answer))
}

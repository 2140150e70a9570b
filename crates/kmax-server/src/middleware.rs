//! What surrounds every request: who is answered, headers, counts, and faults of the program.

use crate::access::Guard;
use crate::problem::Problem;
use crate::state::Shared;
use axum::extract::{self, MatchedPath, Request};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

/// Nothing from elsewhere, nothing written into a page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
                      connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/// The headers of every answer, unless a route says otherwise.
const HEADERS: [(header::HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Counts a request, and turns a fault of the program into an answer.
pub(crate) async fn observe(extract::State(state): Shared, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let method = match *request.method() {
        Method::GET | Method::POST | Method::DELETE | Method::HEAD | Method::OPTIONS => {
            request.method().to_string()
        }
        _ => "other".to_owned(),
    };
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let fault =
        |_| Problem::internal("a fault in the program; it is written to its standard error").into_response();
    let mut response = answered.unwrap_or_else(fault);
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    let status = response.status().as_u16();
    state.metrics.request(route.as_deref().unwrap_or("other"), &method, status, begun);
    response
}

/// Lets through who may.
pub(crate) async fn admit(
    extract::State(guard): extract::State<Arc<Guard>>,
    request: Request,
    next: Next,
) -> Response {
    let origin = guard.cors(request.headers());
    let mut response = if Guard::is_preflight(request.method(), request.headers()) {
        match &origin {
            Some(_) => preflight(),
            None => Problem::new(
                StatusCode::FORBIDDEN,
                "forbidden",
                "pages of other origins may not use this server",
            )
            .into_response(),
        }
    } else {
        match guard.check(request.uri(), request.headers()) {
            Ok(()) => next.run(request).await,
            Err(problem) => problem.into_response(),
        }
    };
    if let Some(origin) = origin {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.append(header::VARY, HeaderValue::from_static("origin"));
        headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
        headers.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("location, retry-after, inference-header-content-length"),
        );
    }
    response
}

fn preflight() -> Response {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, DELETE"),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "authorization, content-type, accept, inference-header-content-length",
        ),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

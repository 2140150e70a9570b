//! Answers that say what is wrong (RFC 9457).

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kmax_base::ErrorKind;
use serde::Serialize;
use utoipa::ToSchema;

/// The media type of problems.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// What went wrong with a request.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// Always `about:blank`: the status and `kind` say what it is.
    r#type: &'static str,
    /// The status in words.
    title: &'static str,
    /// The status of the answer.
    status: u16,
    /// What is wrong, and what was expected.
    pub detail: String,
    /// One of the kinds by which the program's exit codes are chosen (`not found`, `damaged`, `unsupported`, `incompatible`,
    /// `invalid argument`, `cannot write`, `out of memory`, `diverged`, `cancelled`, `network`, `internal`), `busy` or `forbidden`.
    kind: &'static str,
    #[serde(skip)]
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    pub fn new(status: StatusCode, kind: &'static str, detail: impl ToString) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        let (status, detail) = (status.as_u16(), detail.to_string());
        Self { r#type: "about:blank", title, status, detail, kind, headers: Vec::new() }
    }

    /// Of an error of our libraries.
    pub fn of(kind: ErrorKind, detail: impl ToString) -> Self {
        let (status, name) = match kind {
            ErrorKind::NotFound => (StatusCode::NOT_FOUND, "not found"),
            ErrorKind::Damaged => (StatusCode::UNPROCESSABLE_ENTITY, "damaged"),
            ErrorKind::Unsupported => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported"),
            ErrorKind::Incompatible => (StatusCode::UNPROCESSABLE_ENTITY, "incompatible"),
            ErrorKind::InvalidArgument => (StatusCode::BAD_REQUEST, "invalid argument"),
            ErrorKind::OutOfMemory => (StatusCode::PAYLOAD_TOO_LARGE, "out of memory"),
            ErrorKind::Cancelled => (StatusCode::SERVICE_UNAVAILABLE, "cancelled"),
            ErrorKind::Network => (StatusCode::BAD_GATEWAY, "network"),
            ErrorKind::CannotWrite => (StatusCode::INTERNAL_SERVER_ERROR, "cannot write"),
            ErrorKind::Diverged => (StatusCode::INTERNAL_SERVER_ERROR, "diverged"),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        };
        Self::new(status, name, detail)
    }

    pub fn invalid(detail: impl ToString) -> Self {
        Self::of(ErrorKind::InvalidArgument, detail)
    }

    pub fn not_found(detail: impl ToString) -> Self {
        Self::of(ErrorKind::NotFound, detail)
    }

    pub fn internal(detail: impl ToString) -> Self {
        Self::of(ErrorKind::Internal, detail)
    }

    /// More than a stated limit.
    pub fn too_large(detail: impl ToString) -> Self {
        Self::of(ErrorKind::OutOfMemory, detail)
    }

    /// More work than there is room for; `seconds` from now there may be.
    pub fn busy(detail: impl ToString, seconds: u64) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "busy", detail).retry_after(seconds)
    }

    /// Whether there was no room for the request.
    pub fn is_busy(&self) -> bool {
        self.status == StatusCode::TOO_MANY_REQUESTS.as_u16()
    }

    pub fn retry_after(self, seconds: u64) -> Self {
        self.with(header::RETRY_AFTER, seconds.into())
    }

    /// With a further header.
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (self.status(), [(header::CONTENT_TYPE, MEDIA_TYPE)], body).into_response();
        response.headers_mut().extend(self.headers.into_iter().map(|(name, value)| (Some(name), value)));
        response
    }
}

impl From<kmax_results::Error> for Problem {
    fn from(error: kmax_results::Error) -> Self {
        Self::of(error.kind(), error)
    }
}

impl From<kmax_model::Error> for Problem {
    fn from(error: kmax_model::Error) -> Self {
        Self::of(error.kind(), error)
    }
}

impl From<kmax_masks::Error> for Problem {
    fn from(error: kmax_masks::Error) -> Self {
        Self::of(error.kind(), error)
    }
}

impl From<kmax_transforms::Error> for Problem {
    fn from(error: kmax_transforms::Error) -> Self {
        let problem = Self::of(error.kind(), &error);
        if matches!(error, kmax_transforms::Error::TooLarge { .. }) {
            return Self::new(StatusCode::PAYLOAD_TOO_LARGE, problem.kind, problem.detail);
        }
        problem
    }
}

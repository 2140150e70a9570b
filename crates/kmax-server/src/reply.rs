//! What routes share: answers and names in addresses.

use crate::problem::Problem;
use axum::body::Bytes;
use axum::extract::{FromRequestParts, Path};
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

/// Bytes of a media type.
pub(crate) fn bytes(bytes: Bytes, media_type: &'static str) -> Response {
    ([(header::CONTENT_TYPE, media_type)], bytes).into_response()
}

/// JSON as it is written by the workers.
pub(crate) fn json(value: &impl Serialize) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(value).map_err(Problem::internal)
}

/// What stands in the path of an address.
pub(crate) struct Named<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            // What is no number names nothing.
            Err(rejection) => Err(Problem::not_found(rejection.body_text())),
        }
    }
}

/// The bytes of a photo, a picture or an archive.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "it says what a body holds")]
pub(crate) struct FileBytes(Vec<u8>);

/// A form with a photo.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it says what a form holds")]
pub(crate) struct PhotoForm {
    /// The photo's file.
    #[schema(value_type = String, format = Binary)]
    image: Vec<u8>,
}

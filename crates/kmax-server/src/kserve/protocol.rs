//! The routes of the protocol.

use super::reply::{Inferred, written};
use super::request::{Infer, Photo, Request as Asked};
use super::tensors::{IMAGE, OUTPUTS, PHOTO, Tensor};
use crate::health;
use crate::models::Served;
use crate::problem::Problem;
use crate::queue::Cancel;
use crate::reply::Named;
use crate::state::{Shared, State};
use crate::upload::Upload;
use crate::work::Work;
use axum::Json;
use axum::extract::{self, Request};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use kmax_results::Task;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// How many bytes of a body are JSON.
const LENGTH: &str = "inference-header-content-length";

pub(crate) fn router() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::new()
        .routes(routes!(server))
        .routes(routes!(live))
        .routes(routes!(ready))
        .routes(routes!(model))
        .routes(routes!(model_ready))
        .routes(routes!(infer))
}

/// What the server is.
#[derive(Debug, Serialize, ToSchema)]
struct ServerMetadata {
    name: &'static str,
    version: &'static str,
    extensions: [&'static str; 1],
}

/// What the server is.
#[utoipa::path(get, path = "/v2", tag = "kserve", responses(
    (status = 200, description = "Its name and extensions.", body = ServerMetadata),
    (status = "default", description = "What is wrong.", body = Problem, content_type = "application/problem+json"),
))]
async fn server() -> Json<ServerMetadata> {
    let (name, version) = ("kmax", env!("CARGO_PKG_VERSION"));
    Json(ServerMetadata { name, version, extensions: ["binary_tensor_data"] })
}

/// Whether the process answers.
#[utoipa::path(get, path = "/v2/health/live", tag = "kserve", security(()), responses(
    (status = 200, description = "It does."),
    (status = "default", description = "What is wrong.", body = Problem, content_type = "application/problem+json"),
))]
async fn live() {}

/// Whether new work is taken.
#[utoipa::path(get, path = "/v2/health/ready", tag = "kserve", security(()), responses(
    (status = 200, description = "It is."),
    (status = "default", description = "It is not: the server ends.", body = Problem, content_type = "application/problem+json"),
))]
async fn ready(extract::State(state): Shared) -> Result<(), Problem> {
    health::is_ready(&state)
}

/// What a model is.
#[derive(Debug, Serialize, ToSchema)]
struct ModelMetadata {
    name: String,
    versions: [&'static str; 1],
    platform: &'static str,
    /// A request gives one of them.
    inputs: [Tensor; 2],
    outputs: [Tensor; 4],
}

/// What a model takes and gives.
#[utoipa::path(get, path = "/v2/models/{name}", tag = "kserve",
    params(("name" = String, Path, description = "The model's name.")),
    responses(
        (status = 200, description = "Its tensors.", body = ModelMetadata),
        (status = "default", description = "What is wrong.", body = Problem, content_type = "application/problem+json"),
    ))]
async fn model(
    extract::State(state): Shared,
    Named(name): Named<String>,
) -> Result<Json<ModelMetadata>, Problem> {
    let name = state.models.get(Some(&name))?.name.clone();
    let (versions, platform) = (["1"], "kmax");
    Ok(Json(ModelMetadata { name, versions, platform, inputs: [IMAGE, PHOTO], outputs: OUTPUTS }))
}

/// Whether a model takes work.
#[utoipa::path(get, path = "/v2/models/{name}/ready", tag = "kserve",
    params(("name" = String, Path, description = "The model's name.")),
    responses(
        (status = 200, description = "It does."),
        (status = "default", description = "What is wrong.", body = Problem, content_type = "application/problem+json"),
    ))]
async fn model_ready(extract::State(state): Shared, Named(name): Named<String>) -> Result<(), Problem> {
    state.models.get(Some(&name))?;
    health::is_ready(&state)
}

/// Segments an image. With the header `Inference-Header-Content-Length`, which says how many bytes of the body are JSON, tensors follow
/// the JSON as bytes.
#[utoipa::path(post, path = "/v2/models/{name}/infer", tag = "kserve",
    params(("name" = String, Path, description = "The model's name.")),
    request_body(content = Infer, description = "One input, and which outputs are wanted."),
    responses(
        (status = 200, description = "The outputs.", content(
            (Inferred = "application/json"), (crate::reply::FileBytes = "application/octet-stream"))),
        (status = "default", description = "What is wrong.", body = Problem, content_type = "application/problem+json"),
    ))]
async fn infer(
    extract::State(state): Shared,
    Named(name): Named<String>,
    request: Request,
) -> Result<Response, Problem> {
    let model = state.models.get(Some(&name))?;
    let length = request.headers().get(LENGTH).map(|value| value.to_str().unwrap_or("?").to_owned());
    let upload = Upload::receive(&state, request).await?;
    let at = state.clone();
    let work = move |cancel: &Cancel| {
        let work = Work { state: &at, model: &model, cancel };
        let asked = Asked::read(&upload.bytes, length.as_deref(), at.settings.limits.pixels)?;
        drop(upload);
        let (body, json) = one(&work, asked)?;
        Ok((at.budget.answer(body)?, json))
    };
    let (body, json) = state.queue.run(work).await?;
    Ok(match json {
        Some(length) => {
            let headers = [(LENGTH, length.to_string()), ("content-type", "application/octet-stream".into())];
            (headers, body).into_response()
        }
        None => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
    })
}

fn one(work: &Work, asked: Asked) -> Result<(Vec<u8>, Option<usize>), Problem> {
    let Served { name, segmenter } = &**work.model;
    let settings = asked.thresholds.settings(segmenter.config().postprocess)?;
    let image = match asked.photo {
        Photo::Pixels(image) => image,
        Photo::File(file) => work.decode_again(&file)?.image,
    };
    let found = work.segment(&image, Task::Panoptic, &settings, None)?;
    drop(image);
    work.encode(|| written(&found.panoptic, &asked.outputs, asked.id, name))
}

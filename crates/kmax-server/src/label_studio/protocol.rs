//! The routes that Label Studio asks.

use super::images::{self, Source};
use super::interface::Interface;
use super::strokes::{Predicted, predicted};
use crate::budget::Held;
use crate::models::Served;
use crate::problem::Problem;
use crate::queue::Cancel;
use crate::reply::{bytes, json};
use crate::state::{Shared, State};
use crate::upload::Upload;
use crate::work::Work;
use axum::Json;
use axum::extract::{self, Request};
use axum::response::Response;
use kmax_base::ErrorKind;
use kmax_results::Task;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn router() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::new()
        .routes(routes!(predict))
        .routes(routes!(setup))
        .routes(routes!(health))
        .routes(routes!(versions))
        .routes(routes!(webhook))
}

/// Tasks to predict.
#[derive(Debug, Deserialize, ToSchema)]
struct Tasks {
    tasks: Vec<OneTask>,
    /// The project's labelling configuration, XML.
    label_config: String,
}

/// A task.
#[derive(Debug, Deserialize, ToSchema)]
struct OneTask {
    /// Fields by name; that of the image is an address.
    #[schema(value_type = Object)]
    data: Map<String, Value>,
}

/// What was found in each task's image.
#[derive(Debug, Serialize, ToSchema)]
struct Results {
    results: Vec<Predicted>,
}

/// Predicts tasks of Label Studio: brush strokes for the labels that the project shares with the model.
#[utoipa::path(post, path = "/predict", tag = "label-studio", request_body = Tasks, responses(
    (status = 200, description = "What was found, in the order of the tasks.", body = Results),
    (status = "default", description = "What is wrong.", body = Problem, content_type = "application/problem+json"),
))]
async fn predict(extract::State(state): Shared, request: Request) -> Result<Response, Problem> {
    let (Tasks { tasks, label_config }, _held) = parsed(Upload::receive(&state, request).await?).await?;
    let interface = Arc::new(Interface::read(&label_config)?);
    let most = state.settings.limits.batch;
    if tasks.len() > most {
        return Err(Problem::too_large(format!("{} tasks, expected at most {most}", tasks.len())));
    }
    let model = state.models.get(None)?;
    let mut results = Vec::with_capacity(tasks.len());
    for task in tasks {
        let photo = photo(&state, &task, &interface.field).await?;
        let mut held = state.budget.none();
        held.grow(photo.len() as u64)?;
        let (at, model, interface) = (state.clone(), model.clone(), interface.clone());
        let work = move |cancel: &Cancel| {
            let predicted = one(&Work { state: &at, model: &model, cancel }, &photo, &interface);
            drop((photo, held));
            predicted
        };
        let outcome =
            if results.is_empty() { state.queue.run(work).await } else { state.queue.run_later(work).await };
        results.push(outcome?);
    }
    let written = tokio::task::spawn_blocking(move || json(&Results { results })).await;
    Ok(bytes(state.budget.answer(written.map_err(Problem::internal)??)?, "application/json"))
}

/// A body of JSON, and what it holds of the memory for bodies; it may be long, so another thread reads it.
async fn parsed<T: DeserializeOwned + Send + 'static>(upload: Upload) -> Result<(T, Held), Problem> {
    let read = move || {
        let (bytes, held) = upload.into_parts();
        let value = serde_json::from_slice(&bytes).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => Problem::invalid(format!("the body: {error}")),
            _ => Problem::of(ErrorKind::Damaged, format!("the body is no JSON: {error}")),
        });
        Ok((value?, held))
    };
    tokio::task::spawn_blocking(read).await.map_err(Problem::internal)?
}

/// The bytes of a task's image.
async fn photo(state: &State, task: &OneTask, field: &str) -> Result<Vec<u8>, Problem> {
    let address = task.data.get(field).and_then(Value::as_str);
    let address =
        address.ok_or_else(|| Problem::invalid(format!("a task has no address in data.{field}")))?;
    let studio = state.settings.label_studio.clone();
    let address = match images::source(address, studio.as_ref())? {
        Source::Here(bytes) => return Ok(bytes),
        Source::There(address) => address,
    };
    let limit = state.settings.limits.body;
    let fetch = move || images::fetch(&address, studio.as_ref(), limit);
    tokio::task::spawn_blocking(fetch).await.map_err(Problem::internal)?
}

fn one(work: &Work, photo: &[u8], interface: &Interface) -> Result<Predicted, Problem> {
    let Served { name, segmenter } = &**work.model;
    let config = segmenter.config();
    let picture = work.decode_again(photo)?;
    let found = work.segment(&picture.image, Task::Panoptic, &config.postprocess, None)?;
    work.encode(|| predicted(&found.panoptic, &config.categories, interface, name))
}

/// What Label Studio says of a project when it is connected; its configuration comes with every task again.
#[derive(Debug, Deserialize, ToSchema)]
struct Project {
    /// The project's labelling configuration, XML.
    #[serde(default)]
    #[schema(nullable = false)]
    schema: Option<String>,
}

/// What Label Studio wants to hear.
#[derive(Debug, Serialize, ToSchema)]
struct Version {
    /// The model.
    model_version: String,
}

/// Takes notice of a project. A labelling configuration without brush labels is refused now rather than at its first task.
#[utoipa::path(post, path = "/setup", tag = "label-studio", request_body = Project, responses(
    (status = 200, description = "The model.", body = Version),
    (status = "default", description = "What is wrong.", body = Problem, content_type = "application/problem+json"),
))]
async fn setup(extract::State(state): Shared, request: Request) -> Result<Json<Version>, Problem> {
    let (project, _held): (Project, _) = parsed(Upload::receive(&state, request).await?).await?;
    if let Some(schema) = project.schema.filter(|schema| !schema.trim().is_empty()) {
        Interface::read(&schema)?;
    }
    Ok(Json(Version { model_version: state.models.get(None)?.name.clone() }))
}

/// Whether the backend lives.
#[derive(Debug, Serialize, ToSchema)]
struct Health {
    status: &'static str,
    /// The model.
    model_class: String,
}

/// Whether the backend lives.
#[utoipa::path(get, path = "/health", tag = "label-studio", security(()), responses(
    (status = 200, description = "It does.", body = Health),
    (status = "default", description = "What is wrong.", body = Problem, content_type = "application/problem+json"),
))]
async fn health(extract::State(state): Shared) -> Result<Json<Health>, Problem> {
    Ok(Json(Health { status: "UP", model_class: state.models.get(None)?.name.clone() }))
}

/// What a project can be predicted by.
#[derive(Debug, Serialize, ToSchema)]
struct Versions {
    /// The model.
    versions: Vec<String>,
}

/// The versions of the backend: the model.
#[utoipa::path(get, path = "/versions", tag = "label-studio", responses(
    (status = 200, description = "The model.", body = Versions),
    (status = "default", description = "What is wrong.", body = Problem, content_type = "application/problem+json"),
))]
async fn versions(extract::State(state): Shared) -> Result<Json<Versions>, Problem> {
    Ok(Json(Versions { versions: vec![state.models.get(None)?.name.clone()] }))
}

/// What becomes of an event.
#[derive(Debug, Serialize, ToSchema)]
struct Heard {
    /// Whether training began: never.
    training: bool,
}

/// Takes notice of what people annotate; nothing is learnt from it (`kmax train` takes Label Studio's exports).
#[utoipa::path(post, path = "/webhook", tag = "label-studio", request_body(content = Object, content_type = "application/json"), responses(
    (status = 200, description = "It was heard.", body = Heard),
    (status = "default", description = "What is wrong.", body = Problem, content_type = "application/problem+json"),
))]
async fn webhook(extract::State(state): Shared, request: Request) -> Result<Json<Heard>, Problem> {
    let (_, _held): (Map<String, Value>, _) = parsed(Upload::receive(&state, request).await?).await?;
    Ok(Json(Heard { training: false }))
}

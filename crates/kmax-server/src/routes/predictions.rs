//! Predictions that are kept: the network runs once, its answer is looked at in many ways.

use crate::answers::{Answer, SegmentRow};
use crate::parameters::{Parameters, Thresholds};
use crate::photos;
use crate::predictions::KeptPrediction;
use crate::problem::Problem;
use crate::queue::Cancel;
use crate::reply::{FileBytes, Named, PhotoForm, bytes, json};
use crate::state::{Shared, State};
use crate::upload::Upload;
use crate::work::Work;
use axum::Json;
use axum::extract::{self, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use kmax_results::{Found, Task};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn router() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(remove))
        .routes(routes!(segments))
        .routes(routes!(map))
        .routes(routes!(overlay))
}

/// Which model runs.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// The model's name; the first of `/v1/models` if nothing is said.
    #[param(nullable = false)]
    model: Option<String>,
}

/// A prediction that is kept.
#[derive(Debug, Serialize, ToSchema)]
struct Created {
    /// Its name, which cannot be guessed.
    id: String,
    /// The model.
    model: String,
    /// Width of the photo, turned upright.
    width: u32,
    /// Height of the photo, turned upright.
    height: u32,
    /// Seconds that it is kept after it was last asked about.
    expires_in_s: u64,
    /// What was odd about the photo's file, or chosen of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// Runs the network on a photo and keeps its answer.
#[utoipa::path(post, path = "/v1/predictions", tag = "predictions", params(Which),
    request_body(description = "The photo's bytes, or a form with the field `image`.", content(
        (FileBytes = "application/octet-stream"), (FileBytes = "image/*"), (PhotoForm = "multipart/form-data"))),
    responses(
        (status = 201, description = "The prediction is kept.", body = Created, headers(("location" = String, description = "Its address."))),
        (status = "default", description = "What is wrong.", body = Problem, content_type = "application/problem+json"),
    ))]
async fn create(
    extract::State(state): Shared,
    Parameters(which): Parameters<Which>,
    request: Request,
) -> Result<Response, Problem> {
    let model = state.models.get(which.model.as_deref())?;
    let photo = photos::one(Upload::receive(&state, request).await?)?;
    let at = state.clone();
    let work = move |cancel: &Cancel| {
        let work = Work { state: &at, model: &model, cancel };
        let picture = work.decode(&photo, [255; 3])?;
        let prediction = work.predict(&picture.image)?;
        cancel.check()?;
        let (width, height) = picture.image.dimensions();
        let tiled = model.segmenter.tiling(width, height).map(|tiling| {
            let size = tiling.size;
            format!("seen as a whole, so that small things are missed; /v1/segment cuts a photo of this size into tiles of {size} pixels")
        });
        let notes: Vec<_> = picture.note.into_iter().chain(tiled).collect();
        let note = (!notes.is_empty()).then(|| notes.join("; "));
        let name = model.name.clone();
        let id = at.kept.add(KeptPrediction::new(model.clone(), prediction, &photo.bytes))?;
        let expires_in_s = at.kept.time().as_secs();
        Ok(Created { id, model: name, width, height, expires_in_s, note })
    };
    let created = state.queue.run(work).await?;
    // Relative: a proxy may show the server under a path of its own.
    let location = format!("predictions/{}", created.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(created)).into_response())
}

/// Forgets a prediction.
#[utoipa::path(delete, path = "/v1/predictions/{id}", tag = "predictions",
    params(("id" = String, Path, description = "The prediction's name.")),
    responses(
        (status = 204, description = "It is forgotten."),
        (status = "default", description = "What is wrong.", body = Problem, content_type = "application/problem+json"),
    ))]
async fn remove(extract::State(state): Shared, Named(id): Named<String>) -> Result<StatusCode, Problem> {
    state.kept.remove(&id).map(|()| StatusCode::NO_CONTENT)
}

/// The segments of a prediction.
#[derive(Debug, Serialize, ToSchema)]
struct Segments {
    /// Width of the photo.
    width: usize,
    /// Height of the photo.
    height: usize,
    segments: Vec<SegmentRow>,
}

/// The segments of a prediction, with other thresholds if some are given. The network does not run again.
#[utoipa::path(get, path = "/v1/predictions/{id}/segments", tag = "predictions",
    params(("id" = String, Path, description = "The prediction's name."), Thresholds),
    responses(
        (status = 200, description = "The segments.", body = Segments),
        (status = "default", description = "What is wrong.", body = Problem, content_type = "application/problem+json"),
    ))]
async fn segments(
    extract::State(state): Shared,
    Named(id): Named<String>,
    Parameters(thresholds): Parameters<Thresholds>,
) -> Result<Response, Problem> {
    let written = found(state, id, thresholds, |work, _, found| {
        let (width, height) = (found.panoptic.map.width(), found.panoptic.map.height());
        let query = |queries: Vec<usize>| queries.first().copied();
        let rows = found.rows.into_iter().zip(found.queries);
        let row = |(row, queries)| SegmentRow { row, query: query(queries), mask_png: None };
        let segments = rows.map(row).collect();
        work.encode(|| json(&Segments { width, height, segments }))
    });
    Ok(bytes(written.await?, "application/json"))
}

/// The map of a prediction's segments as PNG: ids are R + 256 G + 65536 B.
#[utoipa::path(get, path = "/v1/predictions/{id}/panoptic.png", tag = "predictions",
    params(("id" = String, Path, description = "The prediction's name."), Thresholds),
    responses(
        (status = 200, description = "The map.", body = FileBytes, content_type = "image/png"),
        (status = "default", description = "What is wrong.", body = Problem, content_type = "application/problem+json"),
    ))]
async fn map(
    extract::State(state): Shared,
    Named(id): Named<String>,
    Parameters(thresholds): Parameters<Thresholds>,
) -> Result<Response, Problem> {
    let written =
        found(state, id, thresholds, |work, _, found| work.encode(|| Ok(found.map()?.unwrap_or_default())));
    Ok(bytes(written.await?, "image/png"))
}

/// The photo of a prediction with its segments drawn over it, as PNG.
#[utoipa::path(get, path = "/v1/predictions/{id}/overlay.png", tag = "predictions",
    params(("id" = String, Path, description = "The prediction's name."), Thresholds),
    responses(
        (status = 200, description = "The overlay.", body = FileBytes, content_type = "image/png"),
        (status = "default", description = "What is wrong.", body = Problem, content_type = "application/problem+json"),
    ))]
async fn overlay(
    extract::State(state): Shared,
    Named(id): Named<String>,
    Parameters(thresholds): Parameters<Thresholds>,
) -> Result<Response, Problem> {
    let written = found(state, id, thresholds, |work, kept, found| {
        let image = &work.decode_again(&kept.photo)?.image;
        let categories = &work.model.config().categories;
        let answer = Answer { found, image, note: None, model: &work.model.name, categories };
        work.encode(|| answer.overlay())
    });
    Ok(bytes(written.await?, "image/png"))
}

/// Makes segments of a prediction and writes something of them.
async fn found(
    state: Arc<State>,
    id: String,
    thresholds: Thresholds,
    write: impl FnOnce(&Work, &KeptPrediction, Found) -> Result<Vec<u8>, Problem> + Send + 'static,
) -> Result<axum::body::Bytes, Problem> {
    let kept = state.kept.get(&id)?;
    let settings = thresholds.settings(kept.model.config().postprocess)?;
    let at = state.clone();
    let work = move |cancel: &Cancel| {
        let work = Work { state: &at, model: &kept.model, cancel };
        let found = work.find(&kept.prediction, Task::Panoptic, &settings, None)?;
        at.budget.answer(write(&work, &kept, found)?)
    };
    state.queue.run(work).await
}

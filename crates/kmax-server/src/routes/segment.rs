//! Photos in, results out.

use crate::accept;
use crate::answers::{Answer, Segmentation, media_type};
use crate::models::Served;
use crate::parameters::{Format, Parameters, Wanted};
use crate::photos::{self, Photo};
use crate::problem::Problem;
use crate::queue::Cancel;
use crate::reply::{FileBytes, PhotoForm, bytes, json};
use crate::state::{Shared, State};
use crate::upload::Upload;
use crate::work::Work;
use axum::body::Bytes;
use axum::extract::{self, Request};
use axum::http::header;
use axum::response::Response;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn router() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::new().routes(routes!(segment)).routes(routes!(batch))
}

/// A form with photos.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it says what a form holds")]
struct PhotosForm {
    /// The photos' files, each a part of this name.
    #[schema(value_type = Vec<String>, format = Binary)]
    image: Vec<Vec<u8>>,
}

/// Segments a photo: JPEG, PNG, WebP, TIFF, GIF, BMP or PNM.
///
/// `Accept` decides about the form of the answer, unless the parameter `format` does: `application/json` is the list of what was found,
/// `image/png` the map (ids are R + 256 G + 65536 B), `image/png; result=overlay` the photo with segments drawn over it,
/// `application/zip` the files that `kmax segment` writes.
#[utoipa::path(post, path = "/v1/segment", tag = "segmentation", params(Wanted),
    request_body(description = "The photo's bytes, or a form with the field `image`.", content(
        (FileBytes = "application/octet-stream"), (FileBytes = "image/*"), (PhotoForm = "multipart/form-data"))),
    responses(
        (status = 200, description = "What was found.", content(
            (Segmentation = "application/json"), (FileBytes = "image/png"), (FileBytes = "application/zip"))),
        (status = "default", description = "What is wrong.", body = Problem, content_type = "application/problem+json"),
    ))]
async fn segment(
    extract::State(state): Shared,
    Parameters(wanted): Parameters<Wanted>,
    request: Request,
) -> Result<Response, Problem> {
    wanted.check()?;
    let format = accept::format(wanted.format, request.headers())?;
    let model = state.models.get(wanted.model.as_deref())?;
    let photo = photos::one(Upload::receive(&state, request).await?)?;
    let at = state.clone();
    let work = move |cancel: &Cancel| {
        let work = Work { state: &at, model: &model, cancel };
        one(&work, &wanted, &photo, |answer| {
            let written = match format {
                Format::Json => json(&answer.listed(wanted.task.name(), wanted.masks)?)?,
                Format::Map => answer.map()?,
                Format::Overlay => answer.overlay()?,
                Format::Zip => answer.zip(photo.file.as_deref().unwrap_or("photo"), photo.stem())?,
            };
            at.budget.answer(written)
        })
    };
    let answer: Bytes = state.queue.run(work).await?;
    let mut response = bytes(answer, media_type(format));
    response.headers_mut().insert(header::VARY, header::HeaderValue::from_static("accept"));
    Ok(response)
}

/// Does all stages of a photo.
fn one<T>(
    work: &Work,
    wanted: &Wanted,
    photo: &Photo,
    write: impl FnOnce(Answer) -> Result<T, Problem>,
) -> Result<T, Problem> {
    let Served { name, segmenter } = &**work.model;
    let config = segmenter.config();
    let settings = wanted.thresholds().settings(config.postprocess)?;
    let picture = work.decode(photo, wanted.background()?)?;
    let found = work.segment(&picture.image, wanted.task.into(), &settings, wanted.min_score)?;
    let (image, note, categories) = (&picture.image, picture.note, &config.categories);
    work.encode(|| write(Answer { found, image, note, model: name, categories }))
}

/// What became of the photos of a batch, in their order.
#[derive(Serialize, ToSchema)]
struct Batch {
    results: Vec<Outcome>,
}

/// What became of a photo.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// What was found.
    Result(Segmentation),
    /// What is wrong with the photo.
    Problem(Problem),
}

/// Segments several photos, as `/v1/segment` does, with one answer of JSON. A photo that fails does not stop the others.
#[utoipa::path(post, path = "/v1/batch", tag = "segmentation", params(Wanted),
    request_body(content = PhotosForm, content_type = "multipart/form-data", description = "The photos."),
    responses(
        (status = 200, description = "What became of each photo, in their order.", body = Batch),
        (status = "default", description = "What is wrong.", body = Problem, content_type = "application/problem+json"),
    ))]
async fn batch(
    extract::State(state): Shared,
    Parameters(wanted): Parameters<Wanted>,
    request: Request,
) -> Result<Response, Problem> {
    wanted.check()?;
    if wanted.format.is_some_and(|format| format != Format::Json) {
        return Err(Problem::invalid("a batch is answered in JSON; leave out `format`"));
    }
    let model = state.models.get(wanted.model.as_deref())?;
    wanted.thresholds().settings(model.config().postprocess)?;
    let photos = photos::several(Upload::receive(&state, request).await?, state.settings.limits.batch)?;
    let mut results = Vec::with_capacity(photos.len());
    let mut held = state.budget.none();
    for photo in photos {
        let (at, model, wanted) = (state.clone(), model.clone(), wanted.clone());
        let work = move |cancel: &Cancel| {
            let work = Work { state: &at, model: &model, cancel };
            one(&work, &wanted, &photo, |answer| answer.listed(wanted.task.name(), wanted.masks))
        };
        // Whoever has begun is not turned away between two photos.
        let outcome =
            if results.is_empty() { state.queue.run(work).await } else { state.queue.run_later(work).await };
        match outcome {
            Ok(found) => {
                held.grow(found.bytes())?;
                results.push(Outcome::Result(found));
            }
            Err(busy) if busy.is_busy() => return Err(busy),
            Err(problem) => results.push(Outcome::Problem(problem)),
        }
    }
    let written = tokio::task::spawn_blocking(move || json(&Batch { results })).await;
    drop(held);
    Ok(bytes(state.budget.answer(written.map_err(Problem::internal)??)?, "application/json"))
}

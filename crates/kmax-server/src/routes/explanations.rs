//! The steps of k-means of a prediction that is kept.

use crate::clusters;
use crate::clusters::{Pixel, Query};
use crate::parameters::Parameters;
use crate::problem::Problem;
use crate::queue::Cancel;
use crate::reply::{FileBytes, Named, bytes, json};
use crate::state::{Shared, State};
use crate::work::Work;
use axum::extract;
use axum::response::Response;
use kmax_model::Explanation;
use kmax_results::Steps;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn router() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::new()
        .routes(routes!(steps))
        .routes(routes!(step))
        .routes(routes!(query))
        .routes(routes!(mask))
        .routes(routes!(pixels))
}

/// What each step of k-means did. The first question about steps, queries or pixels runs the network once more.
#[utoipa::path(get, path = "/v1/predictions/{id}/steps", tag = "predictions",
    params(("id" = String, Path, description = "The prediction's name.")),
    responses(
        (status = 200, description = "The steps, and what became of each query.", body = Steps),
        (status = "default", description = "What is wrong.", body = Problem, content_type = "application/problem+json"),
    ))]
async fn steps(extract::State(state): Shared, Named(id): Named<String>) -> Result<Response, Problem> {
    explained(state, id, "application/json", |explanation| {
        json(&Steps::new(explanation, &explanation.segments()?))
    })
    .await
}

/// The query that each pixel was assigned to in a step, as PNG: R + 256 G + 65536 B.
#[utoipa::path(get, path = "/v1/predictions/{id}/steps/{step}", tag = "predictions",
    params(
        ("id" = String, Path, description = "The prediction's name."),
        ("step" = String, Path, description = "The step, from 1, and `.png`."),
    ),
    responses(
        (status = 200, description = "The map, at the step's stride, without padding.", body = FileBytes, content_type = "image/png"),
        (status = "default", description = "What is wrong.", body = Problem, content_type = "application/problem+json"),
    ))]
async fn step(
    extract::State(state): Shared,
    Named((id, step)): Named<(String, String)>,
) -> Result<Response, Problem> {
    let number = step.strip_suffix(".png").and_then(|number| number.parse().ok());
    let none = || Problem::not_found(format!("no step `{step}`, expected one such as 1.png"));
    let number = number.ok_or_else(none)?;
    explained(state, id, "image/png", move |explanation| clusters::step_png(explanation, number)).await
}

/// The classes of a query, and how they came about.
#[utoipa::path(get, path = "/v1/predictions/{id}/queries/{query}", tag = "predictions",
    params(
        ("id" = String, Path, description = "The prediction's name."),
        ("query" = usize, Path, description = "The query, from 0."),
    ),
    responses(
        (status = 200, description = "The query.", body = Query),
        (status = "default", description = "What is wrong.", body = Problem, content_type = "application/problem+json"),
    ))]
async fn query(
    extract::State(state): Shared,
    Named((id, query)): Named<(String, usize)>,
) -> Result<Response, Problem> {
    let write = move |explanation: &Explanation| json(&clusters::query(explanation, query)?);
    explained(state, id, "application/json", write).await
}

/// The mask of a query as grey PNG: the probability among all queries, times 255.
#[utoipa::path(get, path = "/v1/predictions/{id}/queries/{query}/mask.png", tag = "predictions",
    params(
        ("id" = String, Path, description = "The prediction's name."),
        ("query" = usize, Path, description = "The query, from 0."),
    ),
    responses(
        (status = 200, description = "The mask, at the stride of masks, without padding.", body = FileBytes, content_type = "image/png"),
        (status = "default", description = "What is wrong.", body = Problem, content_type = "application/problem+json"),
    ))]
async fn mask(
    extract::State(state): Shared,
    Named((id, query)): Named<(String, usize)>,
) -> Result<Response, Problem> {
    explained(state, id, "image/png", move |explanation| clusters::mask_png(explanation, query)).await
}

/// A pixel of the photo.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Place {
    /// Its column, from 0.
    x: usize,
    /// Its row, from 0.
    y: usize,
}

/// The queries that are nearest to a pixel of the photo, at the end and in each step.
#[utoipa::path(get, path = "/v1/predictions/{id}/pixels", tag = "predictions",
    params(("id" = String, Path, description = "The prediction's name."), Place),
    responses(
        (status = 200, description = "The queries.", body = Pixel),
        (status = "default", description = "What is wrong.", body = Problem, content_type = "application/problem+json"),
    ))]
async fn pixels(
    extract::State(state): Shared,
    Named(id): Named<String>,
    Parameters(Place { x, y }): Parameters<Place>,
) -> Result<Response, Problem> {
    let write = move |explanation: &Explanation| json(&clusters::pixel(explanation, x, y)?);
    explained(state, id, "application/json", write).await
}

/// Writes something of what the steps of a prediction did.
async fn explained(
    state: Arc<State>,
    id: String,
    media_type: &'static str,
    write: impl FnOnce(&Explanation) -> Result<Vec<u8>, Problem> + Send + 'static,
) -> Result<Response, Problem> {
    let kept = state.kept.get(&id)?;
    let at = state.clone();
    let work = move |cancel: &Cancel| {
        let work = Work { state: &at, model: &kept.model, cancel };
        let explain = || work.explain(&work.decode_again(&kept.photo)?.image);
        let explanation = at.kept.explained(&kept, explain)?;
        at.budget.answer(work.encode(|| write(&explanation))?)
    };
    Ok(bytes(state.queue.run(work).await?, media_type))
}

//! The models that are served.

use crate::models::ModelList;
use crate::problem::Problem;
use crate::state::{Shared, State};
use axum::{Json, extract};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn router() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::new().routes(routes!(models))
}

/// The models, their classes and settings.
#[utoipa::path(get, path = "/v1/models", tag = "segmentation", responses(
    (status = 200, description = "The models, the default first.", body = ModelList),
    (status = "default", description = "What is wrong.", body = Problem, content_type = "application/problem+json"),
))]
async fn models(extract::State(state): Shared) -> Json<ModelList> {
    Json(state.models.list())
}

//! What an explanation tells of queries and pixels.

use crate::problem::Problem;
use kmax_masks::{Categories, LabelMap, codec};
use kmax_model::{Explanation, Nearest};
use kmax_results::{ClassRow, HistoryRow, query_history};
use serde::Serialize;
use utoipa::ToSchema;

/// The classes of a query and how they came about.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Query {
    query: usize,
    /// The most probable five, at the end.
    classes: Vec<ClassRow>,
    history: Vec<HistoryRow>,
}

/// The queries that are nearest to a pixel.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Pixel {
    /// The most probable five, by the final masks.
    nearest: Vec<Near>,
    steps: Vec<PixelStep>,
}

/// A query near a pixel.
#[derive(Debug, Serialize, ToSchema)]
struct Near {
    query: usize,
    /// Its class at the end.
    name: String,
    /// Among all queries, at the pixel.
    probability: f32,
}

/// A step as a pixel saw it.
#[derive(Debug, Serialize, ToSchema)]
struct PixelStep {
    step: usize,
    stride: usize,
    /// The query that it was assigned to.
    query: usize,
    /// The class of that query as it entered the step.
    name: String,
    /// The most probable three, by the masks of the queries as they entered the step.
    nearest: Vec<NearThen>,
}

/// A query near a pixel, in a step.
#[derive(Debug, Serialize, ToSchema)]
struct NearThen {
    query: usize,
    probability: f32,
}

/// What the most probable class is called.
fn name(categories: &Categories, probabilities: &[f32]) -> String {
    ClassRow::ranked(categories, probabilities, 1).pop().map(|class| class.name).unwrap_or_default()
}

/// A query and how it came about.
pub(crate) fn query(explanation: &Explanation, query: usize) -> Result<Query, Problem> {
    check_query(explanation, query)?;
    let categories = &explanation.prediction.config().categories;
    Ok(Query {
        query,
        classes: ClassRow::ranked(categories, &explanation.classes(query), 5),
        history: query_history(explanation, query),
    })
}

fn check_query(explanation: &Explanation, query: usize) -> Result<(), Problem> {
    let queries = explanation.prediction.logits.queries;
    if query < queries {
        return Ok(());
    }
    Err(Problem::not_found(format!("no query {query}; there are 0 to {}", queries.saturating_sub(1))))
}

/// The queries near a pixel of the photo.
pub(crate) fn pixel(explanation: &Explanation, x: usize, y: usize) -> Result<Pixel, Problem> {
    let [height, width] = explanation.prediction.frame.image;
    if x >= width || y >= height {
        return Err(Problem::invalid(format!("x={x}, y={y} is outside of {width}x{height} pixels")));
    }
    let categories = &explanation.prediction.config().categories;
    let near = |Nearest { query, probability, .. }: Nearest| {
        let name = name(categories, &explanation.classes(query));
        Near { query, name, probability }
    };
    let step = |(at, step): (usize, &kmax_model::Step)| {
        let then = |Nearest { query, probability, .. }: Nearest| NearThen { query, probability };
        let nearest: Vec<NearThen> = step.nearest(x, y, 3).into_iter().map(then).collect();
        // The pixel was assigned to the first of them.
        let query = nearest.first()?.query;
        let name = name(categories, &step.classes(query));
        Some(PixelStep { step: at + 1, stride: step.stride, query, name, nearest })
    };
    Ok(Pixel {
        nearest: explanation.nearest(x, y, 5).into_iter().map(near).collect(),
        steps: explanation.steps.iter().enumerate().filter_map(step).collect(),
    })
}

/// Which query each pixel was assigned to in a step, from 1, as PNG.
pub(crate) fn step_png(explanation: &Explanation, step: usize) -> Result<Vec<u8>, Problem> {
    let found = step.checked_sub(1).and_then(|place| explanation.steps.get(place));
    let none = || Problem::not_found(format!("no step {step}; there are 1 to {}", explanation.steps.len()));
    Ok(codec::encode_panoptic(&found.ok_or_else(none)?.assignment)?)
}

/// The mask of a query as grey PNG.
pub(crate) fn mask_png(explanation: &Explanation, query: usize) -> Result<Vec<u8>, Problem> {
    check_query(explanation, query)?;
    let ([height, width], values) = explanation.mask(query).unwrap_or_default();
    let grey = values.iter().map(|probability| (probability * 255.0).round() as u32).collect();
    Ok(codec::encode_labels(&LabelMap::new(width, height, grey)?)?)
}

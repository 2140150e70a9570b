//! What an explanation tells of steps, queries and pixels.

use crate::problem::Problem;
use kmax_masks::{Categories, LabelMap, codec};
use kmax_model::{Explanation, Nearest};
use serde::Serialize;
use utoipa::ToSchema;

/// What a query that found nothing is called.
const VOID: &str = "void";

/// What each step of k-means did, and each query.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Steps {
    steps: Vec<StepRow>,
    queries: Vec<QueryRow>,
}

/// A step.
#[derive(Debug, Serialize, ToSchema)]
struct StepRow {
    /// From 1.
    step: usize,
    /// Pixels of the network's input for each of the map's, along a side.
    stride: usize,
    /// Of the map, without padding.
    height: usize,
    width: usize,
    /// Queries that some pixel was assigned to.
    queries_with_pixels: usize,
}

/// A query.
#[derive(Debug, Serialize, ToSchema)]
struct QueryRow {
    query: usize,
    /// Its most probable class at the end; nothing for void.
    category_id: Option<u32>,
    /// Of that class, or of void.
    probability: f32,
    /// The segment that it is part of, with the model's thresholds.
    segment_id: Option<u32>,
    /// Pixels that were assigned to it in each step.
    pixels: Vec<u64>,
}

/// A class of a query.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct QueryClass {
    /// Nothing for void.
    category_id: Option<u32>,
    name: String,
    probability: f32,
}

/// The classes of a query and how they came about.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Query {
    query: usize,
    /// The most probable five, at the end.
    classes: Vec<QueryClass>,
    history: Vec<Past>,
}

/// A query as it entered a step.
#[derive(Debug, Serialize, ToSchema)]
struct Past {
    step: usize,
    stride: usize,
    /// Pixels that were assigned to it.
    pixels: u64,
    /// Share of the map that they are.
    share: f64,
    /// Its most probable class.
    #[serde(flatten)]
    class: QueryClass,
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

/// Classes by their probabilities, the most probable first.
fn classes(categories: &Categories, probabilities: &[f32], count: usize) -> Vec<QueryClass> {
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    order.sort_by(|a, b| probabilities[*b].total_cmp(&probabilities[*a]));
    let class = |at: usize| {
        let category = categories.as_slice().get(at);
        QueryClass {
            category_id: category.map(|category| category.id),
            name: category.map_or(VOID, |category| category.name.as_str()).to_owned(),
            probability: probabilities[at],
        }
    };
    order.into_iter().take(count).map(class).collect()
}

/// The most probable class.
fn best(categories: &Categories, probabilities: &[f32]) -> QueryClass {
    let void = || QueryClass { category_id: None, name: VOID.into(), probability: 0.0 };
    classes(categories, probabilities, 1).pop().unwrap_or_else(void)
}

/// What each step did, and each query.
pub(crate) fn steps(explanation: &Explanation) -> Result<Steps, Problem> {
    let categories = &explanation.prediction.config().categories;
    let (panoptic, made_of) = explanation.segments()?;
    let pixels: Vec<Vec<u64>> = explanation.steps.iter().map(|step| step.pixels()).collect();
    let step = |(at, step): (usize, &kmax_model::Step)| StepRow {
        step: at + 1,
        stride: step.stride,
        height: step.assignment.height(),
        width: step.assignment.width(),
        queries_with_pixels: pixels[at].iter().filter(|pixels| **pixels > 0).count(),
    };
    let query = |query: usize| {
        let class = best(categories, &explanation.classes(query));
        let segment = made_of.iter().position(|queries| queries.contains(&query));
        QueryRow {
            query,
            category_id: class.category_id,
            probability: class.probability,
            segment_id: segment.map(|place| panoptic.segments[place].id),
            pixels: pixels.iter().map(|step| step.get(query).copied().unwrap_or(0)).collect(),
        }
    };
    Ok(Steps {
        steps: explanation.steps.iter().enumerate().map(step).collect(),
        queries: (0..explanation.prediction.logits.queries).map(query).collect(),
    })
}

/// A query and how it came about.
pub(crate) fn query(explanation: &Explanation, query: usize) -> Result<Query, Problem> {
    check_query(explanation, query)?;
    let categories = &explanation.prediction.config().categories;
    let past = |(at, step): (usize, &kmax_model::Step)| {
        let pixels = step.pixels().get(query).copied().unwrap_or(0);
        let all = step.assignment.data().len().max(1);
        let class = best(categories, &step.classes(query));
        Past { step: at + 1, stride: step.stride, pixels, share: pixels as f64 / all as f64, class }
    };
    Ok(Query {
        query,
        classes: classes(categories, &explanation.classes(query), 5),
        history: explanation.steps.iter().enumerate().map(past).collect(),
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
        let name = best(categories, &explanation.classes(query)).name;
        Near { query, name, probability }
    };
    let step = |(at, step): (usize, &kmax_model::Step)| {
        let then = |Nearest { query, probability, .. }: Nearest| NearThen { query, probability };
        let nearest: Vec<NearThen> = step.nearest(x, y, 3).into_iter().map(then).collect();
        // The pixel was assigned to the first of them.
        let query = nearest.first()?.query;
        let name = best(categories, &step.classes(query)).name;
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

//! What the k-means steps did with an image, as lists.

use kmax_masks::{Categories, Panoptic};
use kmax_model::Explanation;
use serde::Serialize;

/// The class of a query that found nothing.
const VOID: &str = "void";

/// The steps of an image and its queries: [`Explanation`] as lists.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Steps {
    /// The k-means steps in their order.
    pub steps: Vec<StepRow>,
    /// All queries, by index.
    pub queries: Vec<QueryRow>,
}

/// A k-means step.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StepRow {
    /// Counted from 1.
    pub step: usize,
    /// Pixels of the network's input for each pixel of the step's map, along a side.
    pub stride: usize,
    /// Rows of the map that show the image.
    pub height: usize,
    /// Columns of the map that show the image.
    pub width: usize,
    /// How many queries have at least a pixel.
    pub queries_with_pixels: usize,
}

/// A query: what it ended as.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QueryRow {
    /// Its index.
    pub query: usize,
    /// Its class and how sure that is.
    #[serde(flatten)]
    pub class: ClassRow,
    /// The segment that its mask is, or is a part of.
    pub segment_id: Option<u32>,
    /// How many pixels of the map it had in each step.
    pub pixels: Vec<u64>,
}

/// A class of a query.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClassRow {
    /// The class; none for void: the query found nothing.
    pub category_id: Option<u32>,
    /// What the class is called, or `void`.
    pub name: String,
    /// Its probability, 0 to 1.
    pub probability: f32,
}

impl ClassRow {
    /// The `count` most probable classes, by falling probability; of equal ones the first. `probabilities` end with that of void.
    pub fn ranked(categories: &Categories, probabilities: &[f32], count: usize) -> Vec<Self> {
        let of = |class: usize| {
            let category = categories.as_slice().get(class);
            Self {
                category_id: category.map(|category| category.id),
                name: category.map_or(VOID, |category| &category.name).to_owned(),
                probability: probabilities[class],
            }
        };
        let mut order: Vec<usize> = (0..probabilities.len()).collect();
        order.sort_by(|a, b| probabilities[*b].total_cmp(&probabilities[*a]));
        order.into_iter().take(count).map(of).collect()
    }
}

/// A query's part in one step.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HistoryRow {
    /// Counted from 1.
    pub step: usize,
    /// The step's stride.
    pub stride: usize,
    /// How many pixels of the map it had.
    pub pixels: u64,
    /// Share of the map's pixels that show the image, 0 to 1.
    pub share: f64,
    /// What it was taken for as it entered the step.
    #[serde(flatten)]
    pub class: ClassRow,
}

impl Steps {
    /// Of an explanation and what its [`segments`](Explanation::segments) are.
    pub fn new(explanation: &Explanation, (panoptic, queries): &(Panoptic, Vec<Vec<usize>>)) -> Self {
        let pixels: Vec<Vec<u64>> = explanation.steps.iter().map(|step| step.pixels()).collect();
        let step = |(step, (of, pixels)): (usize, (&kmax_model::Step, &Vec<u64>))| StepRow {
            step,
            stride: of.stride,
            height: of.assignment.height(),
            width: of.assignment.width(),
            queries_with_pixels: pixels.iter().filter(|&&pixels| pixels > 0).count(),
        };
        let segment = |query: usize| {
            let mut segments = panoptic.segments.iter().zip(queries);
            segments.find(|(_, queries)| queries.contains(&query)).map(|(segment, _)| segment.id)
        };
        let categories = &explanation.prediction.config().categories;
        let query = |query: usize| {
            Some(QueryRow {
                query,
                class: ClassRow::ranked(categories, &explanation.classes(query), 1).pop()?,
                segment_id: segment(query),
                pixels: pixels.iter().map(|pixels| pixels[query]).collect(),
            })
        };
        Self {
            steps: (1..).zip(explanation.steps.iter().zip(&pixels)).map(step).collect(),
            queries: (0..explanation.prediction.logits.queries).filter_map(query).collect(),
        }
    }
}

/// What a query was in each step. Empty if there is no such query.
pub fn query_history(explanation: &Explanation, query: usize) -> Vec<HistoryRow> {
    let categories = &explanation.prediction.config().categories;
    let of = |(step, of): (usize, &kmax_model::Step)| {
        let (pixels, all) = (of.pixels(), of.assignment.data().len());
        Some(HistoryRow {
            step,
            stride: of.stride,
            pixels: *pixels.get(query)?,
            share: pixels[query] as f64 / all as f64,
            class: ClassRow::ranked(categories, &of.classes(query), 1).pop()?,
        })
    };
    (1..).zip(&explanation.steps).filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kmax_model::candle_core::{DType, Device};
    use kmax_model::{KMaxDeepLab, Params, Preset, RgbImage, Segmenter};

    #[test]
    fn the_lists_agree_with_each_other() -> std::result::Result<(), Box<dyn std::error::Error>> {
        let config = Preset::named("kmax-people").ok_or("no such preset")?.config();
        let params = Params::trainable(None, 5, DType::F32, &Device::Cpu);
        let network = KMaxDeepLab::new(&config.network, &params)?;
        let segmenter = Segmenter::from_network(config, network, &Device::Cpu);
        let image = RgbImage::from_fn(40, 30, |x, y| image::Rgb([(x * 6) as u8, (y * 8) as u8, 70]));
        let explanation = segmenter.explain(&image)?;
        let lists = Steps::new(&explanation, &explanation.segments()?);
        assert_eq!(lists.steps.len(), explanation.steps.len());
        assert_eq!(lists.queries.len(), explanation.prediction.logits.queries);
        for (at, step) in lists.steps.iter().enumerate() {
            let pixels: Vec<u64> = lists.queries.iter().map(|query| query.pixels[at]).collect();
            assert_eq!(pixels.iter().sum::<u64>(), (step.height * step.width) as u64);
            assert_eq!(pixels.iter().filter(|&&pixels| pixels > 0).count(), step.queries_with_pixels);
        }
        let all = ClassRow::ranked(&segmenter.config().categories, &explanation.classes(3), 1_000);
        assert_eq!(all.len(), segmenter.config().categories.len() + 1);
        assert!(all.is_sorted_by(|a, b| a.probability >= b.probability));
        assert_eq!(all[0], lists.queries[3].class);
        assert!(all.iter().any(|class| class.name == "void" && class.category_id.is_none()));
        let history = query_history(&explanation, 3);
        assert_eq!(history.iter().map(|row| row.pixels).collect::<Vec<_>>(), lists.queries[3].pixels);
        assert!(query_history(&explanation, 9_999).is_empty());
        let json = serde_json::to_value(&lists)?;
        assert!(json["queries"][3]["probability"].is_number() && json["queries"][3]["segment_id"].is_null());
        Ok(())
    }
}

//! A result as regions of Label Studio.

use super::interface::Interface;
use crate::problem::Problem;
use kmax_base::ErrorKind;
use kmax_datasets::forms::write::label_studio::brushes;
use kmax_masks::Categories;
use kmax_masks::Panoptic;
use serde::Serialize;
use utoipa::ToSchema;

/// What was found in a task's image.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Predicted {
    /// The model.
    model_version: String,
    /// The mean score of the regions, weighted by their areas.
    score: f64,
    result: Vec<Region>,
}

/// A brush stroke with its label.
#[derive(Debug, Serialize, ToSchema)]
struct Region {
    id: String,
    from_name: String,
    to_name: String,
    r#type: &'static str,
    original_width: usize,
    original_height: usize,
    image_rotation: u32,
    value: Brush,
    score: f32,
}

/// The pixels of a region.
#[derive(Debug, Serialize, ToSchema)]
struct Brush {
    format: &'static str,
    /// Label Studio's packed runs.
    rle: Vec<u8>,
    brushlabels: [String; 1],
}

/// The regions of a result, for the labels that the project has.
pub(crate) fn predicted(
    panoptic: &Panoptic,
    categories: &Categories,
    interface: &Interface,
    model: &str,
) -> Result<Predicted, Problem> {
    let failed = |error: kmax_datasets::Error| Problem::of(ErrorKind::Internal, error);
    let mut brushes = brushes(&panoptic.map).map_err(failed)?;
    let (mut result, mut sum, mut area) = (Vec::new(), 0.0, 0.0);
    for segment in &panoptic.segments {
        let Some(class) = categories.get(segment.category_id) else { continue };
        // A label that the project does not have would be refused with the whole prediction.
        if !interface.labels.contains(&class.name) {
            continue;
        }
        let Some(rle) = brushes.remove(&segment.id) else { continue };
        let score = segment.score.unwrap_or(0.0);
        sum += f64::from(score) * segment.area as f64;
        area += segment.area as f64;
        result.push(Region {
            id: format!("segment-{}", segment.id),
            from_name: interface.from_name.clone(),
            to_name: interface.to_name.clone(),
            r#type: "brushlabels",
            original_width: panoptic.map.width(),
            original_height: panoptic.map.height(),
            image_rotation: 0,
            value: Brush { format: "rle", rle, brushlabels: [class.name.clone()] },
            score,
        });
    }
    let score = if area > 0.0 { sum / area } else { 0.0 };
    Ok(Predicted { model_version: model.to_owned(), score, result })
}

//! What was found in a photo, and how it is told.

use super::arguments::{Arguments, Task};
use super::inputs::Input;
use super::table;
use super::tiled::Small;
use image::RgbImage;
use kmax::{Explanation, Segmenter};
use kmax_results::Found;
use serde_json::json;

/// The result of a photo.
pub struct Answer {
    /// The photo's file.
    pub file: String,
    /// Width and height of the photo.
    pub size: (u32, u32),
    pub found: Found,
    /// What the k-means steps did, if that was asked for.
    pub explanation: Option<Explanation>,
    /// Of a photo in tiles, what its overlay is drawn on.
    pub small: Option<Small>,
}

impl Answer {
    /// Segments a photo.
    pub fn new(
        arguments: &Arguments,
        segmenter: &Segmenter,
        input: &Input,
        photo: &RgbImage,
    ) -> kmax_results::Result<Self> {
        let (prediction, explanation) = match arguments.explain {
            None => (segmenter.predict(photo)?, None),
            Some(_) => {
                let explanation = segmenter.explain(photo)?;
                (explanation.prediction.clone(), Some(explanation))
            }
        };
        let settings = &segmenter.config().postprocess;
        let mut found = Found::new(&prediction, arguments.task.into(), settings, arguments.min_score)?;
        if arguments.task == Task::Instance {
            for row in &mut found.rows {
                row.image_id = Some(input.id.clone());
            }
        }
        let (file, size) = (input.file.display().to_string(), photo.dimensions());
        Ok(Self { file, size, found, explanation, small: None })
    }

    /// What goes to standard output.
    pub fn told(&self, arguments: &Arguments, several: bool) -> String {
        let Found { panoptic, rows, .. } = &self.found;
        if arguments.json {
            let (width, height) = (panoptic.map.width(), panoptic.map.height());
            let line = json!({"file": self.file, "width": width, "height": height, "segments": rows});
            return format!("{line}\n");
        }
        let title = if several { format!("{}\n", self.file) } else { String::new() };
        let tile = self.small.as_ref().map_or(1.0, |small| small.tile);
        title + &table::render(rows, f64::from(arguments.min_share) * tile)
    }
}

/// The line of JSON of a photo that failed.
pub fn failed(input: &Input, reason: &str) -> String {
    format!("{}\n", json!({"file": input.file.display().to_string(), "error": reason}))
}

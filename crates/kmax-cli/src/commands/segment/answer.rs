//! What was found in a photo, and how it is told.

use super::arguments::{Arguments, Task};
use super::inputs::Input;
use super::table;
use image::RgbImage;
use kmax::Segmenter;
use kmax_results::Found;
use serde_json::json;

/// The result of a photo.
pub struct Answer {
    /// The photo's file.
    pub file: String,
    pub found: Found,
}

impl Answer {
    /// Segments a photo.
    pub fn new(
        arguments: &Arguments,
        segmenter: &Segmenter,
        input: &Input,
        photo: &RgbImage,
    ) -> kmax_results::Result<Self> {
        let prediction = segmenter.predict(photo)?;
        let settings = &segmenter.config().postprocess;
        let mut found = Found::new(&prediction, arguments.task.into(), settings, arguments.min_score)?;
        if arguments.task == Task::Instance {
            for row in &mut found.rows {
                row.image_id = Some(input.id.clone());
            }
        }
        Ok(Self { file: input.file.display().to_string(), found })
    }

    /// What goes to standard output.
    pub fn told(&self, as_json: bool, several: bool) -> String {
        let Found { panoptic, rows, .. } = &self.found;
        if as_json {
            let (width, height) = (panoptic.map.width(), panoptic.map.height());
            let line = json!({"file": self.file, "width": width, "height": height, "segments": rows});
            return format!("{line}\n");
        }
        let title = if several { format!("{}\n", self.file) } else { String::new() };
        title + &table::render(rows)
    }
}

/// The line of JSON of a photo that failed.
pub fn failed(input: &Input, reason: &str) -> String {
    format!("{}\n", json!({"file": input.file.display().to_string(), "error": reason}))
}

//! What was found in a photo, and how it is told.

use super::arguments::{Arguments, Task};
use super::table;
use super::tiled::{Joined, Small};
use crate::photos::Input;
use kmax::{Config, Explanation, Panoptic, Prediction};
use kmax_results::Found;
use serde_json::json;

/// The result of a photo.
pub struct Answer {
    /// The photo's file.
    pub file: String,
    pub found: Found,
    /// What the k-means steps did, if that was asked for.
    pub explanation: Option<Explanation>,
    /// Of a photo in tiles, what its overlay is drawn of.
    pub small: Option<Small>,
}

/// What the network said about a photo.
pub enum Seen {
    Prediction(Prediction),
    /// Its segments, made on the device, and the queries of each.
    Segments(Box<(Panoptic, Vec<Vec<usize>>)>),
    /// With what the k-means steps did.
    Explanation(Box<Explanation>),
    /// Of its tiles, joined.
    Tiles(Box<Joined>),
}

impl Answer {
    /// What was found in a photo.
    pub fn new(
        arguments: &Arguments,
        config: &Config,
        input: &Input,
        seen: Seen,
    ) -> kmax_results::Result<Self> {
        let (settings, categories) = (&config.postprocess, &config.categories);
        let file = input.file.display().to_string();
        let (prediction, explanation) = match seen {
            Seen::Tiles(joined) => {
                let Joined { found, small } = *joined;
                return Ok(Self { file, found, explanation: None, small: Some(small) });
            }
            Seen::Segments(made) => {
                let (panoptic, queries) = *made;
                let found = Found { queries, ..Found::of(panoptic, categories) };
                return Ok(Self { file, found, explanation: None, small: None });
            }
            Seen::Prediction(prediction) => (prediction, None),
            Seen::Explanation(explanation) => (explanation.prediction.clone(), Some(*explanation)),
        };
        let mut found = Found::new(&prediction, arguments.task.into(), settings, arguments.min_score)?;
        if arguments.task == Task::Instance {
            for row in &mut found.rows {
                row.image_id = Some(input.id.clone());
            }
        }
        Ok(Self { file, found, explanation, small: None })
    }

    /// The share of the photo that `--min-share` speaks of: the photo, or a tile of it.
    pub fn whole(&self) -> f64 {
        self.small.as_ref().map_or(1.0, |small| small.tile)
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
        title + &table::render(rows, f64::from(arguments.min_share) * self.whole())
    }
}

/// The line of JSON of a photo that failed.
pub fn failed(input: &Input, reason: &str) -> String {
    format!("{}\n", json!({"file": input.file.display().to_string(), "error": reason}))
}

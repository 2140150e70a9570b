//! What was found in a photo.

use super::arguments::{Arguments, Task};
use super::inputs::Input;
use super::table;
use image::RgbImage;
use kmax::postprocess::Instance;
use kmax::{Config, Segmenter};
use kmax_masks::{LabelMap, Panoptic, Segment};
use serde_json::{Value, json};

/// The class of everything that a model does not name.
pub const BACKGROUND: &str = "background";

/// The result of a photo.
pub struct Answer {
    /// The photo's file.
    pub file: String,
    /// Segments of the picture; for instances, those on top.
    pub panoptic: Panoptic,
    /// What else there is.
    pub more: More,
    /// Each segment, instance or class, as JSON and in the table.
    pub rows: Vec<Value>,
}

/// Beyond the segments.
pub enum More {
    /// Nothing.
    Panoptic,
    /// Instances.
    Instances,
    /// The category of each pixel.
    Semantic(LabelMap),
}

impl Answer {
    /// Segments a photo.
    pub fn new(
        arguments: &Arguments,
        segmenter: &Segmenter,
        input: &Input,
        photo: &RgbImage,
    ) -> kmax::Result<Self> {
        let config = segmenter.config();
        let file = input.file.display().to_string();
        let answer = match arguments.task {
            Task::Panoptic => {
                let panoptic = segmenter.segment(photo)?;
                let rows = panoptic.segments.iter().map(|s| row(config, photo, s, true)).collect();
                Self { file, panoptic, more: More::Panoptic, rows }
            }
            Task::Instance => {
                let least = arguments.min_score.unwrap_or(config.postprocess.class_threshold_thing);
                let mut instances = segmenter.instances(photo)?;
                instances.retain(|instance| instance.score >= least);
                let panoptic = stacked(photo, &instances)?;
                let rows = instances.iter().zip(1..).map(|(instance, id)| {
                    let mut row = row(config, photo, &described(instance, id), false);
                    row["image_id"] = json!(input.id);
                    row["segmentation"] = json!(instance.mask);
                    row
                });
                Self { file, panoptic, rows: rows.collect(), more: More::Instances }
            }
            Task::Semantic => {
                let map = segmenter.semantic(photo)?;
                // Classes may have the id 0, segments may not.
                let panoptic = Panoptic::from_map(map.map(|class| class + 1), |id| (id - 1, false));
                let rows = panoptic.segments.iter().map(|s| {
                    let mut row = row(config, photo, s, false);
                    row.as_object_mut().map(|row| row.remove("score"));
                    row
                });
                Self { file, rows: rows.collect(), panoptic, more: More::Semantic(map) }
            }
        };
        Ok(answer)
    }

    /// Whether there is nothing, or nothing but background.
    pub fn is_bare(&self) -> bool {
        self.rows.iter().all(|row| row["name"] == BACKGROUND)
    }

    /// What goes to standard output.
    pub fn told(&self, as_json: bool, several: bool) -> String {
        if as_json {
            let (width, height) = (self.panoptic.map.width(), self.panoptic.map.height());
            let line = json!({"file": self.file, "width": width, "height": height, "segments": self.rows});
            return format!("{line}\n");
        }
        let title = if several { format!("{}\n", self.file) } else { String::new() };
        title + &table::render(&self.rows)
    }
}

/// The line of JSON of a photo that failed.
pub fn failed(input: &Input, reason: &str) -> String {
    format!("{}\n", json!({"file": input.file.display().to_string(), "error": reason}))
}

/// A segment as COCO lists it, with names.
fn row(config: &Config, photo: &RgbImage, segment: &Segment, numbered: bool) -> Value {
    let category = config.categories.get(segment.category_id);
    let pixels = f64::from(photo.width()) * f64::from(photo.height());
    let mut row = json!({});
    if numbered {
        row["id"] = json!(segment.id);
    }
    row["category_id"] = json!(segment.category_id);
    row["name"] = json!(category.map_or("?", |category| category.name.as_str()));
    row["isthing"] = json!(category.is_some_and(|category| category.isthing));
    row["score"] = json!(segment.score.map(|score| (f64::from(score) * 1e6).round() / 1e6));
    row["area"] = json!(segment.area);
    row["share"] = json!((segment.area as f64 / pixels * 1e6).round() / 1e6);
    row["bbox"] = json!(segment.bbox);
    row["iscrowd"] = json!(u8::from(segment.iscrowd));
    row
}

fn described(instance: &Instance, id: u32) -> Segment {
    Segment {
        id,
        category_id: instance.category_id,
        score: Some(instance.score),
        area: instance.mask.area(),
        bbox: instance.mask.bbox(),
        iscrowd: false,
    }
}

/// The instances laid over each other, the surest on top.
fn stacked(photo: &RgbImage, instances: &[Instance]) -> kmax::Result<Panoptic> {
    let mut map = LabelMap::filled(photo.width() as usize, photo.height() as usize, 0)?;
    for (id, instance) in (1..).zip(instances).collect::<Vec<_>>().into_iter().rev() {
        instance.mask.paint(&mut map, id)?;
    }
    let mut panoptic = Panoptic::from_map(map, |id| (instances[id as usize - 1].category_id, false));
    for segment in &mut panoptic.segments {
        segment.score = Some(instances[segment.id as usize - 1].score);
    }
    Ok(panoptic)
}

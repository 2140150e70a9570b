//! What was found in an image.

use crate::error::Result;
use crate::row::Row;
use kmax_masks::{BACKGROUND, Categories, LabelMap, Panoptic, Segment};
use kmax_model::postprocess::{self, Instance, Scope};
use kmax_model::{PostprocessConfig, Prediction, profile};

/// What is wanted of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Every pixel in at most one segment: things apart from each other, and stuff.
    Panoptic,
    /// Things, each with a mask of its own.
    Instance,
    /// A class for every pixel.
    Semantic,
}

/// The result of an image.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Segments of the image; for instances, those on top.
    pub panoptic: Panoptic,
    /// What else there is.
    pub more: More,
    /// Each segment, instance or class.
    pub rows: Vec<Row>,
    /// Of each segment of a panoptic result, the queries whose masks it is made of: one for a thing, one or more for stuff.
    pub queries: Vec<Vec<usize>>,
}

/// Beyond the segments.
#[derive(Debug, Clone, PartialEq)]
pub enum More {
    /// Nothing.
    Panoptic,
    /// Instances: their masks are in the rows.
    Instances,
    /// The category of each pixel.
    Semantic(LabelMap),
}

impl Found {
    /// Makes a result of what the network said. Instances below `least` are left out; if that is not said, below the class threshold of
    /// things.
    ///
    /// # Errors
    /// If a setting is out of its range, or the image has more than [`kmax_masks::MAX_PIXELS`].
    pub fn new(
        prediction: &Prediction,
        task: Task,
        settings: &PostprocessConfig,
        least: Option<f32>,
    ) -> Result<Self> {
        let (logits, frame, categories) =
            (&prediction.logits, &prediction.frame, &prediction.config().categories);
        let [height, width] = frame.image;
        let pixels = height as u64 * width as u64;
        settings.validate()?;
        let stage = "post-processing";
        Ok(match task {
            Task::Panoptic => {
                let (panoptic, queries) = profile::stage(stage, || {
                    postprocess::panoptic_of_queries(logits, frame, settings, categories)
                })?;
                Self { queries, ..Self::of(panoptic, categories) }
            }
            Task::Instance => {
                let least = least.unwrap_or(settings.class_threshold_thing);
                let mut instances = profile::stage(stage, || {
                    postprocess::instances(logits, frame, settings, categories, Scope::Things)
                })?;
                instances.retain(|instance| instance.score >= least);
                let panoptic = stacked([width, height], &instances)?;
                let row = |(instance, id): (Instance, u32)| Row {
                    id: None,
                    segmentation: Some(instance.mask.clone()),
                    ..Row::new(categories, pixels, &described(&instance, id))
                };
                let rows = instances.into_iter().zip(1..).map(row).collect();
                Self { panoptic, rows, more: More::Instances, queries: Vec::new() }
            }
            Task::Semantic => {
                let map =
                    profile::stage(stage, || postprocess::semantic(logits, frame, settings, categories))?;
                Self::of_classes(map, categories)
            }
        })
    }

    /// A panoptic result that was not made of what one run of the network said, such as that of an image in tiles. What queries its
    /// segments are of is not known.
    pub fn of(panoptic: Panoptic, categories: &Categories) -> Self {
        let pixels = panoptic.map.data().len() as u64;
        let rows = panoptic.segments.iter().map(|segment| Row::new(categories, pixels, segment));
        Self { rows: rows.collect(), panoptic, more: More::Panoptic, queries: Vec::new() }
    }

    /// As [`Self::of`], of the category of each pixel.
    pub fn of_classes(map: LabelMap, categories: &Categories) -> Self {
        let pixels = map.data().len() as u64;
        // Classes may have the id 0, segments may not.
        let panoptic = Panoptic::from_map(map.map(|class| class + 1), |id| (id - 1, false));
        let row = |segment| Row { id: None, ..Row::new(categories, pixels, segment) };
        let rows = panoptic.segments.iter().map(row).collect();
        Self { rows, panoptic, more: More::Semantic(map), queries: Vec::new() }
    }

    /// Whether there is nothing, or nothing but background.
    pub fn is_bare(&self) -> bool {
        self.rows.iter().all(|row| row.name == BACKGROUND)
    }

    /// The same, with masks in all rows; those of instances have them anyhow.
    #[must_use]
    pub fn with_masks(mut self) -> Self {
        if self.more != More::Instances {
            for (row, mask) in self.rows.iter_mut().zip(self.panoptic.rles()) {
                row.segmentation = Some(mask);
            }
        }
        self
    }
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
fn stacked([width, height]: [usize; 2], instances: &[Instance]) -> Result<Panoptic> {
    let mut map = LabelMap::filled(width, height, 0)?;
    for (id, instance) in (1..).zip(instances).collect::<Vec<_>>().into_iter().rev() {
        instance.mask.paint(&mut map, id)?;
    }
    let mut panoptic = Panoptic::from_map(map, |id| (instances[id as usize - 1].category_id, false));
    for segment in &mut panoptic.segments {
        segment.score = Some(instances[segment.id as usize - 1].score);
    }
    Ok(panoptic)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kmax_masks::Rle;

    #[test]
    fn the_surest_instance_lies_on_top() -> Result<()> {
        let map = LabelMap::new(3, 1, vec![1, 1, 2])?;
        let both = LabelMap::new(3, 1, vec![0, 2, 2])?;
        let of = |map, id, score| Instance { category_id: 7, score, mask: Rle::encode(map, id) };
        let panoptic = stacked([3, 1], &[of(&map, 1, 0.9), of(&both, 2, 0.8)])?;
        assert_eq!(panoptic.map.data(), [1, 1, 2]);
        assert_eq!(panoptic.segment(2).and_then(|segment| segment.score), Some(0.8));
        Ok(())
    }
}

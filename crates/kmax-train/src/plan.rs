//! From a dataset to a whole configuration: what nobody said is decided here, by rules, and told.

use crate::config::{
    AugmentConfig, CheckpointConfig, DataConfig, ExportConfig, ModelSource, ScheduleConfig, TrainConfig,
};
use crate::data::Data;
use crate::error::{Error, Result};
use crate::recipe::Recipe;
use crate::trainer::Trainer;
use candle_core::Device;
use kmax_datasets::Annotated;
use kmax_model::{Draft, Encoder, Parsed};
use std::path::PathBuf;

/// The model that a run starts from where none is named.
pub const DEFAULT_MODEL: &str = "kmax-people";
/// Epochs where nothing is said.
const EPOCHS: f64 = 30.0;
/// The least steps that are planned where nothing is said: with fewer, little is learnt of a few images.
const LEAST_STEPS: usize = 600;
/// Images a step where nothing is said.
const BATCH: usize = 8;
/// Learning rate at a batch of 4 from a trained model, and from an encoder alone; it grows with the root of the batch.
const RATES: [f64; 2] = [4e-4, 8e-4];
/// The longer edge that nobody asked to exceed.
const LARGEST: usize = 513;
/// Images whose labels are looked at.
const LOOKED_AT: usize = 64;
/// Images above which rare classes are not sought: reading all labels would take long.
const MANY: usize = 20_000;
/// Images of the validation split above which a run measures at its end only.
const MANY_TO_MEASURE: usize = 500;

/// How long a run is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Length {
    /// Each image is seen so often.
    Epochs(f64),
    /// Optimizer steps.
    Steps(usize),
}

/// What a user says of a run; everything else is decided.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The data: `path` with what else is known of it, or `train` and `val`.
    pub data: DataConfig,
    /// The run's folder.
    pub output: PathBuf,
    /// The model: its configuration, and the weights to start from.
    pub model: Option<String>,
    /// Longer edge, in pixels, of crops and of the images that the model is made for; `32 k + 1`.
    pub size: Option<usize>,
    /// How long.
    pub length: Option<Length>,
    /// Images a step.
    pub batch: Option<usize>,
    /// Parts that a batch is computed in.
    pub accumulate: Option<usize>,
    /// After the warm-up.
    pub learning_rate: Option<f64>,
    /// Whose augmentation and optimizer.
    pub recipe: Recipe,
    /// Queries of the network.
    pub queries: Option<usize>,
    /// Seed of all that is random.
    pub seed: u64,
}

/// A configuration, and what was decided for it.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The whole configuration.
    pub config: TrainConfig,
    /// What was decided, a line each.
    pub notes: Vec<String>,
    data: Data,
}

impl Planned {
    /// The run, on the CPU, of the data that the plan opened; what the plan says of it is not said again.
    ///
    /// # Errors
    /// As [`Trainer::new`].
    pub fn trainer(self) -> Result<Trainer> {
        self.trainer_on(Device::Cpu)
    }

    /// As [`Self::trainer`], on a device, such as [`training_device`](crate::training_device) opens.
    ///
    /// # Errors
    /// As [`Trainer::on`].
    pub fn trainer_on(self, device: Device) -> Result<Trainer> {
        Trainer::of(self.config, self.data, device)
    }
}

impl Plan {
    /// Looks at the data and decides.
    ///
    /// | what | rule |
    /// | --- | --- |
    /// | model | `kmax-people`; its weights are those to start from |
    /// | size | the model's own, at most 513 |
    /// | crop | the longer edge is the size; the shorter one follows the images where nine of ten lie or stand alike, else it is as long |
    /// | batch | 8, at most the images there are |
    /// | steps | 30 epochs, at least 600 steps |
    /// | learning rate | 4e-4 at a batch of 4 from a trained model, 8e-4 from an encoder; it grows with the root of the batch |
    /// | queries | the model's; more, up to 256, where one image of twenty has more segments |
    ///
    /// With the recipe of an original and the model of one of its published configurations, size, batch, steps and learning
    /// rate are those of the configuration, and the run starts from the encoder that its authors started from.
    ///
    /// # Errors
    /// If the data or the model cannot be opened, or a number cannot work.
    pub fn make(self) -> Result<Planned> {
        let mut data = Data::open(&self.data)?;
        let mut notes = std::mem::take(&mut data.notes);
        let look = Look::at(&*data.train)?;
        let model = self.model.clone().unwrap_or_else(|| DEFAULT_MODEL.into());
        let Parsed { value: draft, .. } = Draft::named(&model)?;
        let of_recipe = Published::of(self.recipe, &model)?;

        let own = draft.preprocess().map(|known| known.size.into_iter().max().unwrap_or(LARGEST));
        let size = match (self.size, of_recipe.crop) {
            (Some(size), _) if size % 32 == 1 && size > 1 => size,
            (Some(size), _) => {
                let near = size.next_multiple_of(32) + 1;
                return Err(Error::Setting(format!("a size must be 32 k + 1, not {size}; {near} is near")));
            }
            (None, Some(crop)) => crop.into_iter().max().unwrap_or(LARGEST),
            (None, None) => own.unwrap_or(LARGEST).min(LARGEST),
        };
        if self.size.is_none() && of_recipe.crop.is_none() && own.is_some_and(|own| own > size) {
            notes.push(format!(
                "at {size} pixels, and not the {} of {model}; `--size` chooses",
                own.unwrap_or(size)
            ));
        }
        let crop = match (self.size, of_recipe.crop) {
            (None, Some(crop)) => crop,
            _ => look.crop(size),
        };

        let images = data.train.len();
        let asked = self.batch.or(of_recipe.batch).unwrap_or(BATCH);
        let batch = asked.min(images);
        if batch < asked {
            notes.push(format!("a batch of {batch}, as there are no more images"));
        }
        if batch == 1 {
            notes.push("warning: a batch of 1: batch norms take their statistics from one image, and training is rough".into());
        }
        let per_epoch = images as f64 / batch as f64;
        let steps = match (self.length, of_recipe.steps) {
            (Some(Length::Steps(steps)), _) => steps,
            (Some(Length::Epochs(epochs)), _) => (epochs * per_epoch).ceil() as usize,
            (None, Some(steps)) => steps,
            (None, None) => ((EPOCHS * per_epoch).ceil() as usize).max(LEAST_STEPS),
        };
        if steps == 0 {
            return Err(Error::Setting("a run needs a step at least".into()));
        }

        let (weights, backbone_weights) = of_recipe.start(&model);
        let rate = RATES[usize::from(weights.is_none())] * (batch as f64 / 4.0).sqrt();
        let learning_rate = self.learning_rate.or(of_recipe.learning_rate).unwrap_or_else(|| rounded(rate));
        let queries = self.queries.or_else(|| look.queries(draft.network().decoder.queries, &mut notes));
        notes.push(format!(
            "{steps} steps of {batch} crops of {} x {} pixels ({:.1} epochs), learning rate {learning_rate}",
            crop[0],
            crop[1],
            steps as f64 / per_epoch
        ));
        let measured_often = data.val.len() <= MANY_TO_MEASURE && steps >= 10;
        let workers = std::thread::available_parallelism().map_or(1, usize::from).div_ceil(4);
        let config = TrainConfig {
            seed: self.seed,
            output: self.output,
            recipe: self.recipe,
            recompute: false,
            model: ModelSource {
                config: model,
                input: Some(size),
                weights,
                backbone_weights,
                queries,
                drop_queries: 0.0,
                drop_path: None,
            },
            data: DataConfig {
                workers,
                repeat_threshold: if images <= MANY && self.recipe == Recipe::Small { 0.2 } else { 0.0 },
                ..self.data
            },
            augment: AugmentConfig { crop, ..of_recipe.augment },
            schedule: ScheduleConfig {
                steps,
                batch,
                accumulate: self.accumulate.unwrap_or(1),
                learning_rate,
                warmup: of_recipe.warmup.unwrap_or(150).min(steps / 10),
                power: 0.9,
                weight_decay: 0.05,
                backbone_multiplier: of_recipe.backbone_multiplier.unwrap_or(0.3),
                clip_norm: 0.0,
                ema: if steps >= 3000 { 0.999 } else { 0.995 },
            },
            checkpoints: CheckpointConfig {
                every: 200.min(steps),
                keep: 2,
                evaluate_every: if measured_often { steps.div_ceil(5) } else { 0 },
            },
            export: ExportConfig::default(),
        };
        config.check().map_err(Error::Setting)?;
        Ok(Planned { config, notes, data })
    }
}

/// What a recipe's published configuration says.
#[derive(Default)]
struct Published {
    augment: AugmentConfig,
    crop: Option<[usize; 2]>,
    batch: Option<usize>,
    steps: Option<usize>,
    warmup: Option<usize>,
    learning_rate: Option<f64>,
    backbone_multiplier: Option<f64>,
    encoder: Option<&'static str>,
}

impl Published {
    fn of(recipe: Recipe, model: &str) -> Result<Self> {
        let tables = recipe.published(model);
        let Some(schedule) = tables.get("schedule") else { return Ok(Self::default()) };
        let whole = |name: &str| schedule.get(name)?.as_integer()?.try_into().ok();
        let augment = tables.get("augment").cloned().unwrap_or_else(|| toml::Table::new().into());
        let has_crop = augment.get("crop").is_some();
        let augment: AugmentConfig =
            augment.try_into().map_err(|e: toml::de::Error| Error::Setting(e.message().to_owned()))?;
        Ok(Self {
            crop: has_crop.then_some(augment.crop),
            augment,
            batch: whole("batch").filter(|_| has_crop),
            steps: whole("steps").filter(|_| has_crop),
            warmup: whole("warmup"),
            learning_rate: schedule.get("learning_rate").and_then(toml::Value::as_float).filter(|_| has_crop),
            backbone_multiplier: schedule.get("backbone_multiplier").and_then(toml::Value::as_float),
            encoder: encoder(model),
        })
    }

    /// Weights of the whole model, and those of its backbone alone: an original starts from the latter.
    fn start(&self, model: &str) -> (Option<String>, Option<PathBuf>) {
        match self.encoder.filter(|_| self.crop.is_some()) {
            Some(encoder) => (None, Some(encoder.into())),
            None if model.ends_with(".json") => (None, None),
            None => (Some(model.into()), None),
        }
    }
}

/// The encoder that the authors of a published model started from: that of its architecture and tag.
fn encoder(model: &str) -> Option<&'static str> {
    let (name, tag) =
        model.strip_prefix("kmax-")?.rsplit_once('.').unwrap_or((model.strip_prefix("kmax-")?, "deeplab2"));
    let (architecture, _dataset) = name.rsplit_once('-')?;
    let tag = tag.split('-').next().unwrap_or(tag);
    Encoder::named(&format!("imagenet-{architecture}.{tag}")).map(|encoder| encoder.name)
}

/// What some images of the dataset look like.
struct Look {
    /// Height and width.
    sizes: Vec<[usize; 2]>,
    /// Segments of each image.
    segments: Vec<usize>,
}

impl Look {
    fn at(data: &dyn Annotated) -> Result<Self> {
        let step = data.len().div_ceil(LOOKED_AT).max(1);
        let mut look = Self { sizes: Vec::new(), segments: Vec::new() };
        for index in (0..data.len()).step_by(step) {
            let panoptic = data.panoptic(index)?;
            look.sizes.push([panoptic.map.height(), panoptic.map.width()]);
            look.segments.push(panoptic.segments.len());
        }
        look.segments.sort_unstable();
        Ok(look)
    }

    /// Height and width of a crop whose longer edge is `size`.
    fn crop(&self, size: usize) -> [usize; 2] {
        let mut ratios: Vec<f64> =
            self.sizes.iter().map(|[height, width]| *height as f64 / *width as f64).collect();
        ratios.sort_unstable_by(f64::total_cmp);
        let alike = |keep: &dyn Fn(f64) -> bool| {
            ratios.iter().filter(|ratio| keep(**ratio)).count() * 10 >= ratios.len() * 9
        };
        let median = ratios.get(ratios.len() / 2).copied().unwrap_or(1.0);
        let shorter = |ratio: f64| {
            let length = (size as f64 * ratio.max(0.5)).ceil() as usize;
            (length.saturating_sub(1).next_multiple_of(32) + 1).min(size)
        };
        if alike(&|ratio| ratio > 1.05) {
            [size, shorter(1.0 / median)]
        } else if alike(&|ratio| ratio < 0.95) {
            [shorter(median), size]
        } else {
            [size, size]
        }
    }

    /// More queries than `own`, if one image of twenty has more segments.
    fn queries(&self, own: usize, notes: &mut Vec<String>) -> Option<usize> {
        let most =
            *self.segments.get((self.segments.len() * 19 / 20).min(self.segments.len().saturating_sub(1)))?;
        if most <= own {
            return None;
        }
        let queries = most.next_multiple_of(32).clamp(own, 256);
        let enough = if most > queries { "; images with more lose some of them" } else { "" };
        notes.push(format!("{queries} queries in place of {own}: images have up to {most} segments{enough}"));
        Some(queries)
    }
}

/// To two digits.
fn rounded(rate: f64) -> f64 {
    format!("{rate:.1e}").parse().unwrap_or(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crops_follow_the_images() {
        let look = |sizes: &[[usize; 2]]| Look { sizes: sizes.to_vec(), segments: vec![1] };
        assert_eq!(look(&[[600, 400]; 5]).crop(449), [449, 321]);
        assert_eq!(look(&[[400, 600]; 5]).crop(449), [321, 449]);
        assert_eq!(look(&[[400, 600], [600, 400]]).crop(449), [449, 449]);
        assert_eq!(look(&[[1000, 100]; 3]).crop(513), [513, 257]);
        assert_eq!(look(&[[256, 256]; 3]).crop(257), [257, 257]);
    }

    #[test]
    fn many_segments_ask_for_more_queries() {
        let look = |segments: Vec<usize>| Look { sizes: vec![], segments };
        let mut notes = Vec::new();
        assert_eq!(look(vec![3; 40]).queries(32, &mut notes), None);
        assert!(notes.is_empty());
        assert_eq!(look(vec![50; 40]).queries(32, &mut notes), Some(64));
        assert_eq!(look(vec![900; 40]).queries(32, &mut notes), Some(256));
        assert!(notes[1].contains("lose some"), "{notes:?}");
    }

    #[test]
    fn published_models_start_from_their_encoders() {
        assert_eq!(encoder("kmax-resnet50-coco.pytorch"), Some("imagenet-resnet50.pytorch"));
        assert_eq!(
            encoder("kmax-convnext-large-ade20k.deeplab2-1281"),
            Some("imagenet-convnext-large.deeplab2")
        );
        assert_eq!(encoder("kmax-people"), None);
    }
}

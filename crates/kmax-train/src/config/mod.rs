//! What `kmax train --config FILE` reads.

mod augment;
mod data;
mod kept;
mod written;

use crate::error::{Error, Result};
use crate::optim::{AdamWConfig, Schedule};
use crate::recipe::{Recipe, merged};
pub use augment::AugmentConfig;
pub use data::{DataConfig, SplitConfig};
use kmax_base::limits;
use kmax_model::Encoder;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// A training run, written as TOML. Relative paths are relative to the file's folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// Seeds the weights, the data order, the augmentation and the drop paths.
    #[serde(default)]
    pub seed: u64,
    /// Where checkpoints, the log and the trained model folder go.
    pub output: PathBuf,
    /// Whose augmentation and optimizer the run has; with the model of a published configuration, the originals' recipes also
    /// bring crop, batch, learning rate and steps where the file says none.
    #[serde(default)]
    pub recipe: Recipe,
    /// Whether blocks compute their inner maps again in the backward pass in place of keeping them: less memory, more time,
    /// the same result. On a CPU only: EfficientNet-Lite's blocks, the pixel decoder's bottlenecks and the predictors.
    #[serde(default)]
    pub recompute: bool,
    /// The network.
    pub model: ModelSource,
    /// Images and labels.
    pub data: DataConfig,
    /// Random changes of the training images.
    #[serde(default)]
    pub augment: AugmentConfig,
    /// Steps, learning rate and decay.
    pub schedule: ScheduleConfig,
    /// How often the run is saved and measured.
    #[serde(default)]
    pub checkpoints: CheckpointConfig,
    /// The model folder that the run leaves.
    #[serde(default)]
    pub export: ExportConfig,
}

/// The trained model's folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExportConfig {
    /// Title of the model card.
    pub name: String,
    /// Licence of the weights, in the Hub's spelling.
    pub license: String,
    /// Precision that the weights are stored in.
    pub dtype: Float,
}

impl Default for ExportConfig {
    fn default() -> Self {
        Self { name: "kMaX-DeepLab".into(), license: "other".into(), dtype: Float::F32 }
    }
}

/// A precision of stored weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Float {
    /// Single precision.
    F32,
    /// Half precision.
    F16,
}

/// The network, and its first weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSource {
    /// The name of a preset or a built-in model, a model folder, or the path of a `config.json`. The classes are the dataset's in any case.
    pub config: String,
    /// The longer edge, in pixels (`32 k + 1`), at which the trained model is measured and run. If nothing is said, the size
    /// of the configuration's own `preprocessor_config.json`; where there is none, or where it is more than twice the crop,
    /// that of the crop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<usize>,
    /// Weights to start from: a built-in model's name, a model folder, `hf://owner/name`, a safetensors file in our names,
    /// or the checkpoint of another run, whose averaged weights are taken. Tensors are taken by name, and rows of the
    /// class heads by the name of the class; what is lacking is drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<String>,
    /// ImageNet weights for the backbone: the name of a published encoder that was pulled (`imagenet-resnet50`), or a safetensors file,
    /// which is an encoder that `kmax convert` wrote or the published file of EfficientNet-Lite0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backbone_weights: Option<PathBuf>,
    /// Queries of the network, if not those of the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queries: Option<usize>,
    /// Share of the queries that each training step leaves out, drawn at random; all serve at inference. The paper trains its
    /// best COCO model with 256 queries of which half are dropped.
    #[serde(default)]
    pub drop_queries: f64,
    /// Probability of dropping a residual branch of the backbone's last block, if not that of the configuration; earlier blocks
    /// have proportionally less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drop_path: Option<f64>,
}

/// Steps, learning rate and decay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleConfig {
    /// Optimizer steps in all.
    pub steps: usize,
    /// Images a step.
    pub batch: usize,
    /// Parts that a batch is computed in, one after the other: less memory, the gradient of the whole batch. Batch norms take
    /// their statistics from each part.
    #[serde(default = "defaults::accumulate")]
    pub accumulate: usize,
    /// Learning rate after the warm-up.
    pub learning_rate: f64,
    /// Steps of linear warm-up from zero.
    #[serde(default)]
    pub warmup: usize,
    /// Exponent of the polynomial decay to zero.
    #[serde(default = "defaults::power")]
    pub power: f64,
    /// Decoupled weight decay of kernels.
    #[serde(default = "defaults::weight_decay")]
    pub weight_decay: f64,
    /// Learning rate of the backbone relative to the rest. At 0 the backbone stays as it is, running statistics
    /// included, and no gradient of it is computed.
    #[serde(default = "defaults::backbone_multiplier")]
    pub backbone_multiplier: f64,
    /// Largest norm of the whole gradient; 0 leaves it alone.
    #[serde(default)]
    pub clip_norm: f64,
    /// Decay of the exponential moving average of the weights that is measured and exported; 0 keeps none.
    #[serde(default)]
    pub ema: f64,
}

impl ScheduleConfig {
    /// The learning rate of every step, as the recipe has it: a linear warm-up, then polynomial to zero.
    pub fn learning_rates(&self, recipe: Recipe) -> Schedule {
        let schedule = Schedule::deeplab2(self.learning_rate, self.warmup, self.steps);
        Schedule { power: self.power, warmup_factor: recipe.warmup_factor(), ..schedule }
    }

    /// The optimizer's settings.
    pub fn optimizer(&self, recipe: Recipe) -> AdamWConfig {
        AdamWConfig {
            weight_decay: self.weight_decay,
            backbone_multiplier: self.backbone_multiplier,
            clip_norm: self.clip_norm,
            ema: self.ema,
            ..recipe.optimizer()
        }
    }
}

/// How often the run is saved and measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CheckpointConfig {
    /// Steps between checkpoints.
    pub every: usize,
    /// Checkpoints kept, newest first.
    pub keep: usize,
    /// Steps between measurements on the validation split; 0 measures at the end only.
    pub evaluate_every: usize,
}

impl Default for CheckpointConfig {
    fn default() -> Self {
        Self { every: 200, keep: 2, evaluate_every: 500 }
    }
}

mod defaults {
    pub(super) fn accumulate() -> usize {
        1
    }
    pub(super) fn power() -> f64 {
        0.9
    }
    pub(super) fn weight_decay() -> f64 {
        0.05
    }
    pub(super) fn backbone_multiplier() -> f64 {
        0.1
    }
}

impl TrainConfig {
    /// Reads and checks a TOML file, and resolves its relative paths.
    ///
    /// # Errors
    /// [`Error::Config`] naming the file and the field.
    pub fn read(path: &Path) -> Result<Self> {
        let fail = |reason: String| Error::Config { file: path.to_path_buf(), reason };
        let text = kmax_base::read::read_text(path, kmax_base::read::MAX_TRAINING)
            .map_err(|e| fail(e.to_string()))?;
        let mut config = Self::parse(&text).map_err(fail)?;
        config.check().map_err(fail)?;
        config.resolve(path.parent().unwrap_or(Path::new("")));
        Ok(config)
    }

    /// A text with what its recipe adds.
    fn parse(text: &str) -> std::result::Result<Self, String> {
        let table: toml::Table = toml::from_str(text).map_err(|e| located(text, &e))?;
        let said = |table: &toml::Table, names: [&str; 2]| {
            let value = table.get(names[0])?;
            let value = if names[1].is_empty() { value } else { value.get(names[1])? };
            value.as_str().map(str::to_owned)
        };
        let recipe = said(&table, ["recipe", ""]).and_then(|name| Recipe::named(&name));
        let under = match (recipe, said(&table, ["model", "config"])) {
            (Some(recipe), Some(model)) => recipe.published(&model),
            _ => toml::Table::new(),
        };
        if under.is_empty() {
            return toml::from_str(text).map_err(|e| located(text, &e));
        }
        toml::Value::Table(merged(table, under)).try_into().map_err(|e: toml::de::Error| located("", &e))
    }

    fn resolve(&mut self, base: &Path) {
        let mut paths = vec![&mut self.output];
        // The name of an encoder is no path, unless there is such a file.
        let is_name = |path: &Path| path.to_str().is_some_and(|name| Encoder::named(name).is_some());
        let is_file = |path: &Path| !is_name(path) || base.join(path).exists();
        paths.extend(self.model.backbone_weights.as_mut().filter(|path| is_file(path)));
        paths.extend(self.data.paths_mut());
        for path in paths {
            // Joining an absolute path replaces the base.
            *path = base.join(&*path);
        }
        // What lies there is meant; everything else is a name.
        for name in [Some(&mut self.model.config), self.model.weights.as_mut()].into_iter().flatten() {
            let path = base.join(&*name);
            let is_file_name = name.ends_with(".json") || name.ends_with(".safetensors");
            if is_file_name || path.exists() {
                *name = path.display().to_string();
            }
        }
    }

    pub(crate) fn check(&self) -> std::result::Result<(), String> {
        let positive = [
            ("schedule.steps", self.schedule.steps),
            ("schedule.batch", self.schedule.batch),
            ("checkpoints.every", self.checkpoints.every),
            ("checkpoints.keep", self.checkpoints.keep),
            ("data.workers", self.data.workers),
            ("schedule.accumulate", self.schedule.accumulate),
        ];
        if let Some((name, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return Err(format!("{name} must be at least 1"));
        }
        for (name, value, most) in [
            ("schedule.batch", self.schedule.batch, limits::BATCH),
            ("data.workers", self.data.workers, limits::THREADS),
        ] {
            if value > most {
                return Err(format!("{name} must be at most {most}, not {value}"));
            }
        }
        self.data.check()?;
        self.augment.check(self.recipe)?;
        let (batch, parts) = (self.schedule.batch, self.schedule.accumulate);
        if !batch.is_multiple_of(parts) {
            return Err(format!(
                "schedule.batch of {batch} cannot be computed in schedule.accumulate = {parts} equal parts"
            ));
        }
        let shares = [
            ("augment.flip", f64::from(self.augment.flip), 1.0),
            ("augment.jitter[0]", f64::from(self.augment.jitter[0]), 1.0),
            ("augment.jitter[1]", f64::from(self.augment.jitter[1]), 1.0),
            ("augment.jitter[2]", f64::from(self.augment.jitter[2]), 1.0),
            ("model.drop_queries", self.model.drop_queries, 0.9),
            ("model.drop_path", self.model.drop_path.unwrap_or_default(), 0.9),
            ("data.repeat_threshold", self.data.repeat_threshold, 1.0),
            ("schedule.ema", self.schedule.ema, 1.0),
            ("schedule.weight_decay", self.schedule.weight_decay, 10.0),
            ("schedule.backbone_multiplier", self.schedule.backbone_multiplier, 10.0),
            ("schedule.clip_norm", self.schedule.clip_norm, f64::MAX),
            ("schedule.learning_rate", self.schedule.learning_rate, 10.0),
            ("schedule.power", self.schedule.power, 10.0),
        ];
        match shares.iter().find(|(_, value, most)| !(*value >= 0.0 && *value <= *most)) {
            Some((name, value, most)) => Err(format!("{name} must lie between 0 and {most}, not {value}")),
            None => Ok(()),
        }
    }
}

/// What is wrong with a TOML text, and where, in a line.
fn located(text: &str, error: &toml::de::Error) -> String {
    let message = error.message().lines().collect::<Vec<_>>().join(" ");
    match error.span() {
        Some(span) => {
            let line = text.get(..span.start).map_or(1, |before| before.matches('\n').count() + 1);
            format!("line {line}: {message}")
        }
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = r#"
        output = "run"
        [model]
        config = "kmax-people"
        [data]
        train = { json = "a.json", images = "a", panoptic = "/p/a" }
        val = { json = "b.json", images = "b", panoptic = "b_png" }
        [schedule]
        steps = 10
        batch = 2
        learning_rate = 1e-3
    "#;

    fn read(text: &str) -> Result<TrainConfig> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("train.toml");
        std::fs::write(&file, text).expect("written");
        let mut config = TrainConfig::read(&file)?;
        // Make the result independent of the temporary folder's name.
        config.output = config.output.strip_prefix(folder.path()).unwrap_or(&config.output).into();
        Ok(config)
    }

    #[test]
    fn defaults_fill_what_is_not_said() -> Result<()> {
        let config = read(MINIMAL)?;
        assert_eq!(config.output, Path::new("run"));
        assert_eq!(config.data.train.clone().map(|split| split.panoptic).as_deref(), Some(Path::new("/p/a")));
        assert_eq!((config.recipe, config.schedule.accumulate), (Recipe::Small, 1));
        assert_eq!(config.schedule.backbone_multiplier, 0.1);
        assert_eq!(config.checkpoints, CheckpointConfig::default());
        Ok(())
    }

    #[test]
    fn a_recipe_brings_what_its_original_is_configured_with() -> Result<()> {
        let preset = "kmax-resnet50-cityscapes.deeplab2";
        let text = MINIMAL.replace("kmax-people", preset).replace("steps = 10\n", "");
        let text = format!("recipe = \"deeplab2\"\n{}", text.replace("        learning_rate = 1e-3\n", ""));
        let config = read(&text)?;
        assert_eq!((config.augment.crop, config.augment.scale_step), ([1025, 2049], 0.1));
        assert_eq!(
            (config.schedule.steps, config.schedule.batch, config.schedule.learning_rate),
            (60_000, 2, 3e-4)
        );
        assert!(config.augment.copy_paste && config.augment.resize.is_none());
        let optimizer = config.schedule.optimizer(config.recipe);
        assert_eq!((optimizer.eps, optimizer.eps_before_correction), (1e-7, true));
        let pytorch = config.schedule.learning_rates(Recipe::Pytorch);
        assert_eq!((pytorch.warmup, pytorch.rate(0)), (5000, 3e-4 * 1e-3));
        Ok(())
    }

    #[test]
    fn mistakes_are_named() {
        let cases = [
            (MINIMAL.replace("steps = 10", "steps = 0"), "schedule.steps"),
            (MINIMAL.replace("batch = 2", "batch = 2\nbatsh = 3"), "batsh"),
            (MINIMAL.replace("batch = 2", "batch = 1000000"), "schedule.batch must be at most 65536"),
            (MINIMAL.replace("1e-3", "-1.0"), "schedule.learning_rate"),
            (MINIMAL.replace("1e-3", "nan"), "schedule.learning_rate"),
            (MINIMAL.to_string() + "[augment]\nscale = [2.0, 1.0]", "augment.scale"),
            (MINIMAL.replace("[schedule]", "repeat_threshold = 2\n[schedule]"), "data.repeat_threshold"),
            (MINIMAL.replace("[model]", "[modle]"), "modle"),
            (MINIMAL.replace("batch = 2", "batch = 2\naccumulate = 3"), "schedule.accumulate"),
            (MINIMAL.replace("[data]", "[data]\npath = \"x\""), "`path` and `train`"),
            (MINIMAL.replace("[data]", "[data]\nform = \"yolo\""), "data.form"),
            (
                MINIMAL.replace("[model]", "recipe = \"pytorch\"\n[augment]\nflip = 0.1\n[model]"),
                "augment.flip",
            ),
            (
                MINIMAL.replace("[model]", "recipe = \"small\"\n[augment]\nresize = [65, 65]\n[model]"),
                "augment.resize",
            ),
            (MINIMAL.replace("[model]", "recipe = \"big\"\n[model]"), "big"),
        ];
        for (text, expected) in cases {
            let message = read(&text).expect_err(expected).to_string();
            assert!(message.contains(expected) && message.contains("train.toml"), "{message}");
        }
    }
}

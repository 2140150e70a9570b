//! A configuration as a complete, commented file.

use super::{Float, SplitConfig, TrainConfig};
use std::fmt::{Display, Write};
use std::path::Path;
use toml::Value;

/// Lines of `name = value`, each with what it means.
struct Lines(String);

impl Lines {
    /// A line whose value is `value`; one without a value is left for the reader to fill in.
    fn say(&mut self, name: &str, value: Option<impl Into<Value>>, example: &str, meaning: &str) {
        let text = match value {
            Some(value) => format!("{name} = {}", value.into()),
            None => format!("# {name} = {example}"),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{text:<44} # {meaning}");
    }

    fn table(&mut self, name: &str) {
        let _ = writeln!(self.0, "\n[{name}]");
    }
}

fn path(path: &Path) -> String {
    path.display().to_string()
}

fn whole(number: usize) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

fn list<T: Into<Value>>(values: impl IntoIterator<Item = T>) -> Value {
    Value::Array(values.into_iter().map(Into::into).collect())
}

/// The shortest decimal that is this float32.
fn short(value: f32) -> f64 {
    value.to_string().parse().unwrap_or_else(|_| f64::from(value))
}

fn split(config: &SplitConfig) -> Value {
    let rows = [("json", &config.json), ("images", &config.images), ("panoptic", &config.panoptic)];
    Value::Table(rows.into_iter().map(|(name, at)| (name.to_owned(), path(at).into())).collect())
}

impl TrainConfig {
    /// The whole configuration as TOML that [`Self::read`] reads as the same one, with a comment to each line; `heading` stands
    /// above it, a comment too.
    pub fn commented(&self, heading: impl Display) -> String {
        let mut out = Lines(String::new());
        for line in heading.to_string().lines() {
            let _ = writeln!(out.0, "# {line}");
        }
        let o = &mut out;
        o.say(
            "output",
            Some(path(&self.output)),
            "",
            "checkpoints, the report, and the trained model in `model/`",
        );
        o.say(
            "seed",
            Some(Value::Integer(self.seed as i64)),
            "",
            "weights, data order, augmentation, drop paths",
        );
        o.say(
            "recipe",
            Some(self.recipe.name()),
            "",
            "small, pytorch or deeplab2: whose augmentation and optimizer",
        );
        o.say("recompute", Some(self.recompute), "", "inner maps are computed twice in place of being kept");

        let model = &self.model;
        o.table("model");
        o.say(
            "config",
            Some(model.config.clone()),
            "",
            "a preset, a built-in model, a model folder, or a config.json",
        );
        o.say("weights", model.weights.clone(), "\"kmax-people\"", "a model to start from");
        let encoder = model.backbone_weights.as_deref().map(path);
        o.say("backbone_weights", encoder, "\"imagenet-resnet50\"", "or an encoder alone");
        o.say("input", model.input.map(whole), "449", "longer edge at which the model is measured and run");
        o.say("queries", model.queries.map(whole), "256", "of the network");
        o.say("drop_queries", Some(model.drop_queries), "", "share of them that each step leaves out");
        o.say("drop_path", model.drop_path, "0.1", "of the backbone's last block");

        let data = &self.data;
        o.table("data");
        match (&data.path, &data.train) {
            (Some(at), _) => {
                o.say("path", Some(path(at)), "", "the dataset");
                o.say("form", data.form.clone(), "\"yolo\"", "its form, where the folder does not tell");
                o.say("train_split", data.train_split.clone(), "\"train\"", "what is learnt from");
                o.say("val_split", data.val_split.clone(), "\"val\"", "what is measured on");
                o.say(
                    "classes",
                    data.classes.as_deref().map(path),
                    "\"classes.txt\"",
                    "where the labels name none",
                );
                o.say(
                    "photos",
                    data.photos.as_deref().map(path),
                    "\"photos\"",
                    "where they lie in no usual place",
                );
            }
            (None, train) => {
                o.say("train", train.as_ref().map(split), "", "what is learnt from");
                o.say(
                    "val",
                    data.val.as_ref().map(split),
                    "{ json = …, images = …, panoptic = … }",
                    "what is measured on",
                );
            }
        }
        o.say(
            "hold_out",
            Some(data.hold_out),
            "",
            "share set aside to measure on where there is no such split",
        );
        let things = data.things.as_ref().map(|names| list(names.iter().cloned()));
        o.say("things", things, "[\"ball\"]", "where the labels do not say which classes are things");
        o.say("workers", Some(whole(data.workers)), "", "threads that read and augment photos");
        o.say(
            "repeat_threshold",
            Some(data.repeat_threshold),
            "",
            "share of the photos below which a class is rare; 0: none is",
        );

        let augment = &self.augment;
        o.table("augment");
        o.say(
            "crop",
            Some(list(augment.crop.map(whole))),
            "",
            "height and width; 32 k + 1 or a multiple of 32",
        );
        o.say("scale", Some(list(augment.scale)), "", "at 1 the whole photo just fits the crop");
        o.say("scale_step", Some(augment.scale_step), "", "between the scales drawn from (deeplab2)");
        o.say(
            "resize",
            augment.resize.map(|size| list(size.map(whole))),
            "[641, 641]",
            "before all else (deeplab2)",
        );
        o.say("flip", Some(short(augment.flip)), "", "probability of mirroring left and right");
        o.say(
            "jitter",
            Some(list(augment.jitter.map(short))),
            "",
            "of brightness, contrast, saturation (small)",
        );
        let policy = "\"simple_classification_policy\"";
        o.say("auto_augment", augment.auto_augment.clone(), policy, "AutoAugment");
        o.say("copy_paste", Some(augment.copy_paste), "", "things of a second photo are pasted over");

        let schedule = &self.schedule;
        o.table("schedule");
        o.say("steps", Some(whole(schedule.steps)), "", "optimizer steps in all");
        o.say("batch", Some(whole(schedule.batch)), "", "photos a step");
        o.say(
            "accumulate",
            Some(whole(schedule.accumulate)),
            "",
            "parts that a batch is computed in: less memory",
        );
        o.say(
            "learning_rate",
            Some(schedule.learning_rate),
            "",
            "after the warm-up; then polynomial to zero",
        );
        o.say("warmup", Some(whole(schedule.warmup)), "", "steps");
        o.say("power", Some(schedule.power), "", "of the polynomial");
        o.say("weight_decay", Some(schedule.weight_decay), "", "of kernels");
        o.say(
            "backbone_multiplier",
            Some(schedule.backbone_multiplier),
            "",
            "of the learning rate; 0 freezes the backbone",
        );
        o.say("clip_norm", Some(schedule.clip_norm), "", "largest norm of the gradient; 0 leaves it alone");
        o.say("ema", Some(schedule.ema), "", "of the weights that are measured and exported; 0 keeps none");

        let checkpoints = &self.checkpoints;
        o.table("checkpoints");
        o.say("every", Some(whole(checkpoints.every)), "", "steps");
        o.say("keep", Some(whole(checkpoints.keep)), "", "the newest ones");
        o.say(
            "evaluate_every",
            Some(whole(checkpoints.evaluate_every)),
            "",
            "steps; 0 measures at the end only",
        );

        let export = &self.export;
        o.table("export");
        o.say("name", Some(export.name.clone()), "", "title of the model card");
        o.say("license", Some(export.license.clone()), "", "of the weights, in the Hub's spelling");
        let dtype = match export.dtype {
            Float::F32 => "f32",
            Float::F16 => "f16",
        };
        o.say("dtype", Some(dtype), "", "f32 or f16");
        // A line without a value of a table without any is no reason for trailing spaces.
        out.0.lines().flat_map(|line| [line.trim_end(), "\n"]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{
        AugmentConfig, CheckpointConfig, DataConfig, ExportConfig, ModelSource, ScheduleConfig,
    };
    use crate::recipe::Recipe;

    #[test]
    fn what_is_written_reads_as_the_same() -> crate::Result<()> {
        let full = TrainConfig {
            seed: 3,
            output: "/runs/a b".into(),
            recipe: Recipe::Deeplab2,
            recompute: true,
            model: ModelSource {
                config: "kmax-people".into(),
                input: Some(513),
                weights: Some("hf://me/model".into()),
                backbone_weights: Some("/weights/a.safetensors".into()),
                queries: Some(256),
                drop_queries: 0.5,
                drop_path: Some(0.25),
            },
            data: DataConfig {
                path: Some("/data/\"odd\"".into()),
                form: Some("voc".into()),
                train_split: Some("train".into()),
                val_split: Some("val".into()),
                classes: Some("/data/classes.txt".into()),
                photos: Some("/data/photos".into()),
                hold_out: 0.2,
                things: Some(vec!["cat".into(), "dog".into()]),
                workers: 3,
                repeat_threshold: 0.25,
                ..DataConfig::default()
            },
            augment: AugmentConfig {
                crop: [641, 513],
                scale: [0.5, 2.0],
                scale_step: 0.1,
                resize: Some([641, 641]),
                auto_augment: Some("simple_classification_policy".into()),
                copy_paste: true,
                ..AugmentConfig::default()
            },
            schedule: ScheduleConfig {
                steps: 1000,
                batch: 8,
                accumulate: 4,
                learning_rate: 3e-4,
                warmup: 50,
                power: 0.9,
                weight_decay: 0.05,
                backbone_multiplier: 0.1,
                clip_norm: 1.0,
                ema: 0.999,
            },
            checkpoints: CheckpointConfig { every: 100, keep: 3, evaluate_every: 0 },
            export: ExportConfig { name: "my model".into(), license: "cc0-1.0".into(), dtype: Float::F16 },
        };
        let split = SplitConfig { json: "/a.json".into(), images: "/i".into(), panoptic: "/p".into() };
        let plain = TrainConfig {
            recipe: Recipe::Small,
            model: ModelSource {
                input: None,
                weights: None,
                queries: None,
                drop_path: None,
                ..full.model.clone()
            },
            data: DataConfig { train: Some(split), ..DataConfig::default() },
            augment: AugmentConfig::default(),
            ..full.clone()
        };
        let folder = tempfile::tempdir().expect("a temporary folder");
        for config in [full, plain] {
            let file = folder.path().join("run.toml");
            let text = config.commented("two\nlines");
            assert!(text.starts_with("# two\n# lines\noutput = "), "{text}");
            std::fs::write(&file, &text).expect("written");
            assert_eq!(TrainConfig::read(&file)?, config, "{text}");
        }
        Ok(())
    }
}

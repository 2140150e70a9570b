//! How each original trains, by the name of its recipe.

use crate::optim::AdamWConfig;
use kmax_masks::Dataset;
use kmax_model::Preset;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

/// Whose augmentation and optimizer a run has.
///
/// | | `small` | `pytorch` | `deeplab2` |
/// | --- | --- | --- | --- |
/// | augmentation | scale about the whole image, crop, flip, colour jitter | large-scale jitter, SSD's colour changes, crop, flip | fixed size, scale, AutoAugment, padding at a random place, crop, flip |
/// | copy-paste | off | on | on |
/// | AdamW | PyTorch's | PyTorch's | Keras' (`epsilon hat` of 1e-7) |
/// | warm-up from | 0 | a thousandth | 0 |
///
/// With the model of a published configuration, the two originals also bring its crop, scales, batch, learning rate, warm-up and
/// steps (deeplab2's `configs/*/kmax_deeplab`, the PyTorch implementation's `configs/*`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Recipe {
    /// Our own, for small datasets and small machines.
    #[default]
    Small,
    /// The PyTorch implementation's.
    Pytorch,
    /// deeplab2's.
    Deeplab2,
}

impl Recipe {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Small, Self::Pytorch, Self::Deeplab2];

    /// Its name in configurations.
    pub fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Pytorch => "pytorch",
            Self::Deeplab2 => "deeplab2",
        }
    }

    /// The recipe of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|recipe| recipe.name() == name)
    }

    /// The optimizer's constants.
    pub(crate) fn optimizer(self) -> AdamWConfig {
        match self {
            Self::Small | Self::Pytorch => AdamWConfig::pytorch(),
            Self::Deeplab2 => AdamWConfig::deeplab2(),
        }
    }

    /// Share of the learning rate at the first step of the warm-up.
    pub(crate) fn warmup_factor(self) -> f64 {
        match self {
            Self::Pytorch => 1e-3,
            Self::Small | Self::Deeplab2 => 0.0,
        }
    }

    /// What the published configuration of `model` says, as a configuration's tables: `[augment]` and `[schedule]`. Nothing for
    /// our own recipe, and what depends on the model is lacking for a model that is none of the published ones.
    pub(crate) fn published(self, model: &str) -> Table {
        let mut augment = Table::new();
        let mut schedule = Table::new();
        if self == Self::Small {
            return Table::new();
        }
        augment.insert("copy_paste".into(), true.into());
        schedule.insert("backbone_multiplier".into(), 0.1.into());
        schedule.insert("weight_decay".into(), 0.05.into());
        schedule.insert("warmup".into(), 5000.into());
        let variant = match Preset::named(model) {
            Some(Preset::Published(variant)) => Some(variant),
            _ => None,
        };
        let dataset = variant.map(|variant| variant.dataset());
        let (batch, rate, steps) = match dataset {
            Some(Dataset::Cityscapes) => (32, 3e-4, 60_000),
            Some(Dataset::Ade20k) => (64, 5e-4, 100_000),
            _ => (64, 5e-4, 150_000),
        };
        schedule.insert("batch".into(), batch.into());
        schedule.insert("learning_rate".into(), rate.into());
        schedule.insert("steps".into(), steps.into());
        let crop = match variant.map(|variant| Preset::Published(variant).config().preprocess.size) {
            Some(size) => size,
            None => return tables(augment, schedule),
        };
        // The PyTorch configurations of COCO and ADE20K train at 1281; deeplab2's of ADE20K at the size of the variant.
        let lengths =
            |size: [usize; 2]| Value::Array(size.map(|length| Value::Integer(length as i64)).to_vec());
        augment.insert("crop".into(), lengths(crop));
        let scale = match (self, dataset) {
            (Self::Pytorch, Some(Dataset::Coco)) => [0.2, 2.0],
            (Self::Deeplab2, Some(Dataset::Coco)) => [0.3, 1.7],
            _ => [0.5, 2.0],
        };
        augment.insert("scale".into(), scale.map(Value::Float).to_vec().into());
        if self == Self::Deeplab2 {
            augment.insert("scale_step".into(), 0.1.into());
            let policy = match dataset {
                Some(Dataset::Cityscapes) => "simple_classification_policy_magnitude_scale_0.2",
                _ => "simple_classification_policy",
            };
            augment.insert("auto_augment".into(), policy.into());
            if dataset != Some(Dataset::Cityscapes) {
                augment.insert("resize".into(), lengths(crop));
            }
        }
        tables(augment, schedule)
    }
}

fn tables(augment: Table, schedule: Table) -> Table {
    Table::from_iter([("augment".into(), augment.into()), ("schedule".into(), schedule.into())])
}

/// `under` where `table` says nothing.
pub(crate) fn merged(mut table: Table, under: Table) -> Table {
    for (name, value) in under {
        match (table.remove(&name), value) {
            (Some(Value::Table(said)), Value::Table(under)) => {
                table.insert(name, Value::Table(merged(said, under)));
            }
            (Some(said), _) => {
                table.insert(name, said);
            }
            (None, value) => {
                table.insert(name, value);
            }
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_configurations_are_known() {
        let of = |recipe: Recipe, model: &str| recipe.published(model);
        let city = of(Recipe::Deeplab2, "kmax-resnet50-cityscapes.deeplab2");
        assert_eq!(city["augment"]["crop"], vec![1025, 2049].into());
        assert_eq!(city["schedule"]["batch"].as_integer(), Some(32));
        assert!(city["augment"].get("resize").is_none());
        let coco = of(Recipe::Pytorch, "kmax-convnext-large-coco.pytorch");
        assert_eq!(coco["augment"]["scale"], vec![0.2, 2.0].into());
        assert_eq!(coco["schedule"]["steps"].as_integer(), Some(150_000));
        assert!(of(Recipe::Pytorch, "kmax-people")["augment"].get("crop").is_none());
        assert!(of(Recipe::Small, "kmax-people").is_empty());
    }

    #[test]
    fn what_is_said_wins() {
        let said: Table = toml::from_str("[schedule]\nbatch = 2\n[data]\npath = \"x\"").expect("TOML");
        let all = merged(said, Recipe::Deeplab2.published("kmax-resnet50-coco.deeplab2"));
        assert_eq!(all["schedule"]["batch"].as_integer(), Some(2));
        assert_eq!(all["schedule"]["steps"].as_integer(), Some(150_000));
        assert_eq!(all["data"]["path"].as_str(), Some("x"));
    }
}

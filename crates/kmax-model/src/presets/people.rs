//! Our own small model: people and what they wear.

use crate::config::{ClassOrder, Config, PreprocessConfig};
use crate::network::NetworkConfig;
use crate::postprocess::PostprocessConfig;
use kmax_backbones::BackboneConfig;
use kmax_losses::LossConfig;
use kmax_masks::{Categories, Category, colors};

/// Name, and whether instances are told apart.
const CLASSES: [(&str, bool); 16] = [
    ("background", false),
    ("skin", false),
    ("hair", false),
    ("headwear", true),
    ("eyewear", true),
    ("top", true),
    ("outerwear", true),
    ("dress", true),
    ("trousers", true),
    ("skirt", true),
    ("legwear", true),
    ("shoes", true),
    ("bag", true),
    ("scarf", true),
    ("belt", true),
    ("accessory", true),
];

pub(super) fn config() -> Config {
    let class = |(i, (name, isthing)): (usize, (&str, bool))| Category {
        id: i as u32 + 1,
        name: name.into(),
        isthing,
        color: colors::palette(i),
        supercategory: None,
    };
    let classes = CLASSES.into_iter().enumerate().map(class).collect();
    let mut network = NetworkConfig::small(CLASSES.len());
    if let BackboneConfig::EfficientNetLite(backbone) = &mut network.backbone {
        // A few dozen epochs on few images: more would keep it from learning at all.
        backbone.drop_path = 0.05;
    }
    let normalization = network.backbone.normalization();
    Config {
        network,
        // Counted from 1, hence different.
        categories: Categories::new(classes).unwrap_or_default(),
        class_order: ClassOrder::Contiguous,
        // Its maps have a seventh of the pixels that the published models sample from.
        losses: LossConfig { pixel_samples: 512, semantic_samples: 2048, ..LossConfig::pytorch() },
        // Measured on the validation split.
        postprocess: PostprocessConfig { class_threshold_thing: 0.5, ..PostprocessConfig::coco().pytorch() },
        preprocess: PreprocessConfig::fit(449).normalized(normalization),
    }
}

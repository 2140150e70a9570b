//! Our own small model: people and what they wear.

use crate::{ClassOrder, Config, NetworkConfig, PostprocessConfig, PreprocessConfig};
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
    let network = NetworkConfig::small(CLASSES.len());
    let normalization = network.backbone.normalization();
    Config {
        network,
        // Counted from 1, hence different.
        categories: Categories::new(classes).unwrap_or_default(),
        class_order: ClassOrder::Contiguous,
        losses: LossConfig::port(),
        postprocess: PostprocessConfig::coco().port(),
        preprocess: PreprocessConfig::port([641; 2]).normalized(normalization),
    }
}

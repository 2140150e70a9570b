//! Our own small model: people and what they wear.

use crate::config::{ClassOrder, Config, PreprocessConfig};
use crate::network::NetworkConfig;
use crate::postprocess::PostprocessConfig;
use kmax_backbones::BackboneConfig;
use kmax_losses::LossConfig;
use kmax_masks::{Categories, Category};

/// Name, whether instances are told apart, and a colour far from those of what it is worn with.
const CLASSES: [(&str, bool, [u8; 3]); 16] = [
    ("background", false, [128, 128, 128]),
    ("skin", false, [240, 150, 105]),
    ("hair", false, [135, 90, 0]),
    ("headwear", true, [255, 0, 150]),
    ("eyewear", true, [30, 195, 225]),
    ("top", true, [0, 105, 255]),
    ("outerwear", true, [0, 225, 105]),
    ("dress", true, [240, 0, 60]),
    ("trousers", true, [105, 165, 30]),
    ("skirt", true, [240, 105, 255]),
    ("legwear", true, [255, 180, 0]),
    ("shoes", true, [150, 45, 135]),
    ("bag", true, [210, 210, 0]),
    ("scarf", true, [90, 225, 180]),
    ("belt", true, [165, 75, 75]),
    ("accessory", true, [165, 180, 255]),
];

pub(super) fn config() -> Config {
    let class = |(i, (name, isthing, color)): (usize, (&str, bool, [u8; 3]))| Category {
        id: i as u32 + 1,
        name: name.into(),
        isthing,
        color,
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
        // Its maps have a seventh of the pixels that the published models sample from; and with few photos a class that is never
        // predicted must still teach its masks.
        losses: LossConfig {
            pixel_samples: 512,
            semantic_samples: 2048,
            weight_floor: 0.2,
            ..LossConfig::pytorch()
        },
        // Measured on the validation split.
        postprocess: PostprocessConfig { class_threshold_thing: 0.5, ..PostprocessConfig::coco().pytorch() },
        preprocess: PreprocessConfig::fit(449).normalized(normalization),
    }
}

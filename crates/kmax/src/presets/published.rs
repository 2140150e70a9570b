//! The variants that the originals publish.

use crate::{ClassOrder, Config, NetworkConfig, PostprocessConfig, PreprocessConfig};
use kmax_backbones::{BackboneConfig, ConvNeXtSize, Level};
use kmax_losses::LossConfig;
use kmax_masks::Categories;

/// What a published variant was trained on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dataset {
    /// COCO panoptic, 133 classes.
    Coco,
    /// Cityscapes, 19 classes.
    Cityscapes,
    /// ADE20K, 150 classes.
    Ade20k,
}

impl Dataset {
    /// As in a preset's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Coco => "coco",
            Self::Cityscapes => "cityscapes",
            Self::Ade20k => "ade20k",
        }
    }

    /// Its classes in its own order.
    pub fn categories(self) -> Categories {
        match self {
            Self::Coco => Categories::coco_panoptic(),
            Self::Cityscapes => Categories::cityscapes(),
            Self::Ade20k => Categories::ade20k(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Backbone {
    ResNet50,
    MaxS,
    ConvNeXt(ConvNeXtSize),
}

use ConvNeXtSize::{Base, Large, Small, Tiny};

const CONVNEXTS: [Backbone; 4] = [
    Backbone::ConvNeXt(Tiny),
    Backbone::ConvNeXt(Small),
    Backbone::ConvNeXt(Base),
    Backbone::ConvNeXt(Large),
];

impl Backbone {
    fn name(self) -> &'static str {
        match self {
            Self::ResNet50 => "resnet50",
            Self::MaxS => "maxs",
            Self::ConvNeXt(Tiny) => "convnext-tiny",
            Self::ConvNeXt(Small) => "convnext-small",
            Self::ConvNeXt(Base) => "convnext-base",
            Self::ConvNeXt(Large) => "convnext-large",
        }
    }
}

/// A variant of deeplab2 or of its PyTorch port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    dataset: Dataset,
    backbone: Backbone,
    /// Sides of the network's input, where the dataset has more than one configuration: 641 or 1281 on ADE20K.
    side: usize,
    port: bool,
}

impl Published {
    /// All variants, deeplab2's first.
    pub(super) fn all() -> Vec<Self> {
        let tf = |dataset, side, backbones: Vec<Backbone>| {
            backbones.into_iter().map(move |backbone| Self { dataset, backbone, side, port: false })
        };
        let port = |dataset, backbones: Vec<Backbone>| {
            backbones.into_iter().map(move |backbone| Self { dataset, backbone, side: 1281, port: true })
        };
        let with = |first: &[Backbone]| [first, &CONVNEXTS[..]].concat();
        let ends = || vec![Backbone::ResNet50, Backbone::ConvNeXt(Large)];
        tf(Dataset::Coco, 1281, with(&[Backbone::ResNet50, Backbone::MaxS]))
            .chain(tf(Dataset::Cityscapes, 1281, with(&[Backbone::ResNet50, Backbone::MaxS])))
            .chain(tf(Dataset::Ade20k, 641, ends()))
            .chain(tf(Dataset::Ade20k, 1281, ends()))
            .chain(port(Dataset::Coco, with(&[Backbone::ResNet50])))
            .chain(port(Dataset::Cityscapes, ends()))
            .chain(port(Dataset::Ade20k, ends()))
            .collect()
    }

    /// What it was trained on.
    pub fn dataset(&self) -> Dataset {
        self.dataset
    }

    /// Whether it is the PyTorch port's.
    pub fn is_port(&self) -> bool {
        self.port
    }

    /// As [`crate::Preset::name`].
    pub(super) fn name(&self) -> String {
        let (backbone, dataset) = (self.backbone.name(), self.dataset.name());
        let side =
            if self.dataset == Dataset::Ade20k && !self.port && self.side == 1281 { "-1281" } else { "" };
        let port = if self.port { "-port" } else { "" };
        format!("kmax-{backbone}-{dataset}{side}{port}")
    }

    /// As [`crate::Preset::config`].
    pub(super) fn config(&self) -> Config {
        let dataset = self.dataset.categories();
        let class_order = if self.port { ClassOrder::Contiguous } else { ClassOrder::ThingsFirst };
        Config {
            network: self.network(dataset.len()),
            categories: class_order.arrange(dataset),
            class_order,
            losses: self.losses(),
            postprocess: self.postprocess(),
            preprocess: self.preprocess(),
        }
    }

    fn network(&self, classes: usize) -> NetworkConfig {
        let backbone = match (self.backbone, self.port) {
            (Backbone::ResNet50, false) => BackboneConfig::resnet50_deeplab2(),
            (Backbone::ResNet50, true) => BackboneConfig::resnet50_pytorch(),
            (Backbone::MaxS, _) => BackboneConfig::max_s(),
            (Backbone::ConvNeXt(size), _) => BackboneConfig::convnext(size, self.drop_path(size)),
        };
        let mut network = if self.port {
            NetworkConfig::port(backbone, classes)
        } else {
            NetworkConfig::tf(backbone, classes)
        };
        network.decoder.drop_path = if self.dataset == Dataset::Ade20k { 0.0 } else { 0.2 };
        if self.dataset == Dataset::Cityscapes {
            network = network.for_cityscapes();
            network.decoder.queries = 256;
            if self.port && self.backbone == Backbone::ResNet50 {
                // The port sorts maps by the strides they declare, and both of these declare 4.
                network.levels[3..].copy_from_slice(&[Level::Stem, Level::Res2]);
            }
        }
        network
    }

    /// Stochastic depth of ConvNeXt.
    fn drop_path(&self, size: ConvNeXtSize) -> f64 {
        match (self.dataset, self.port, size) {
            (Dataset::Ade20k, _, _) => 0.7,
            (Dataset::Cityscapes, false, Tiny) => 0.2,
            (Dataset::Cityscapes, false, Small) => 0.3,
            (Dataset::Cityscapes, false, Base) => 0.4,
            (_, _, Tiny) => 0.3,
            (_, _, Small) => 0.4,
            (_, _, Base) => 0.5,
            (_, _, Large) => 0.6,
        }
    }

    fn losses(&self) -> LossConfig {
        let mut losses = if self.port { LossConfig::pytorch() } else { LossConfig::deeplab2() };
        match (self.dataset, self.port) {
            (Dataset::Cityscapes, port) => {
                losses.pixel_sample_temperature = 0.6;
                losses.semantic_sample_temperature = 1.0;
                losses.semantic_samples = 0;
                losses.semantic_top_k = if port { 1.0 } else { 0.2 };
            }
            (Dataset::Ade20k, false) if self.side == 641 => losses.pixel_samples = 1024,
            _ => {}
        }
        losses
    }

    fn postprocess(&self) -> PostprocessConfig {
        let config = match self.dataset {
            Dataset::Coco => PostprocessConfig::coco(),
            Dataset::Cityscapes => PostprocessConfig::cityscapes(),
            Dataset::Ade20k => PostprocessConfig::ade20k(),
        };
        if self.port { config.port() } else { config }
    }

    fn preprocess(&self) -> PreprocessConfig {
        match (self.dataset, self.port) {
            (Dataset::Cityscapes, false) => PreprocessConfig::deeplab2_within([1025, 2049]),
            (Dataset::Cityscapes, true) => PreprocessConfig::port([1025, 2049]),
            (_, false) => PreprocessConfig::deeplab2(self.side),
            (_, true) => PreprocessConfig::port([self.side; 2]),
        }
    }
}

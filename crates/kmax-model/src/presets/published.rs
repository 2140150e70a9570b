//! The variants that the reference implementations publish.

use super::releases::{RELEASES, Release};
use crate::config::{ClassOrder, Config, PreprocessConfig};
use crate::network::NetworkConfig;
use crate::postprocess::PostprocessConfig;
use kmax_backbones::{BackboneConfig, ConvNeXtSize, Level};
use kmax_losses::LossConfig;
use kmax_masks::Dataset;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Backbone {
    ResNet50,
    /// detectron2's own, which COCONut's code offers besides its reference form.
    ResNet50Detectron2,
    MaxS,
    ConvNeXt(ConvNeXtSize),
}

use ConvNeXtSize::{Base, Large, Small, Tiny};

impl Backbone {
    fn name(self) -> &'static str {
        match self {
            Self::ResNet50 | Self::ResNet50Detectron2 => "resnet50",
            Self::MaxS => "maxs",
            Self::ConvNeXt(Tiny) => "convnext-tiny",
            Self::ConvNeXt(Small) => "convnext-small",
            Self::ConvNeXt(Base) => "convnext-base",
            Self::ConvNeXt(Large) => "convnext-large",
        }
    }
}

/// A reference implementation: the code that weights were trained with, and that values are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reference {
    /// deeplab2, in TensorFlow (`google-research/deeplab2`).
    Deeplab2,
    /// Its port to PyTorch (`bytedance/kmax-deeplab`).
    Pytorch,
    /// What COCONut's authors trained with (`bytedance/coconut_cvpr2024`), an offspring of the port.
    Coconut,
}

impl Reference {
    /// Its word in names and configurations.
    pub fn name(self) -> &'static str {
        match self {
            Self::Deeplab2 => "deeplab2",
            Self::Pytorch => "pytorch",
            Self::Coconut => "coconut",
        }
    }

    /// What its authors call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Deeplab2 => "deeplab2",
            Self::Pytorch => "kMaX-DeepLab for PyTorch",
            Self::Coconut => "COCONut's kMaX-DeepLab",
        }
    }

    /// Address of the code.
    pub fn repository(self) -> &'static str {
        match self {
            Self::Deeplab2 => "https://github.com/google-research/deeplab2",
            Self::Pytorch => "https://github.com/bytedance/kmax-deeplab",
            Self::Coconut => "https://github.com/bytedance/coconut_cvpr2024",
        }
    }
}

/// A published variant: a network, what it was trained on, by whom, and its checkpoint.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Published {
    backbone: Backbone,
    dataset: Dataset,
    reference: Reference,
    /// Height and width of the network's input, on Cityscapes those of its images.
    input: usize,
    /// Tells apart variants of the same backbone, dataset and reference implementation.
    extra: &'static str,
    /// Where the weights are.
    release: Release,
}

impl Published {
    /// All variants, deeplab2's first.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        RELEASES.into_iter().map(|(backbone, dataset, reference, input, extra, release)| Self {
            backbone,
            dataset,
            reference,
            input,
            extra,
            release,
        })
    }

    /// What it was trained on.
    pub fn dataset(&self) -> Dataset {
        self.dataset
    }

    /// Whose it is.
    pub fn reference(&self) -> Reference {
        self.reference
    }

    /// The checkpoint that the authors publish.
    pub fn release(&self) -> &Release {
        &self.release
    }

    /// As [`crate::presets::Preset::name`]: architecture, dataset, and behind a point where the weights come from.
    pub(super) fn name(&self) -> String {
        let (stem, reference) = (self.stem(), self.reference.name());
        match (self.has_two_sizes(), self.extra) {
            (true, _) => format!("{stem}.{reference}-{}", self.input),
            (false, "") => format!("{stem}.{reference}"),
            (false, extra) => format!("{stem}.{reference}-{extra}"),
        }
    }

    /// Names that older versions had for it, which still find it.
    pub(super) fn aliases(&self) -> Vec<String> {
        let stem = self.stem();
        match self.reference {
            _ if !self.extra.is_empty() => Vec::new(),
            Reference::Pytorch => vec![format!("{stem}-port")],
            Reference::Coconut => Vec::new(),
            Reference::Deeplab2 if self.has_two_sizes() && self.input == 1281 => vec![format!("{stem}-1281")],
            Reference::Deeplab2 => vec![stem],
        }
    }

    fn stem(&self) -> String {
        format!("kmax-{}-{}", self.backbone.name(), self.dataset.name())
    }

    /// Whether the same network is published for inputs of 641 and of 1281.
    fn has_two_sizes(&self) -> bool {
        self.dataset == Dataset::Ade20k && self.reference == Reference::Deeplab2
    }

    /// As [`crate::presets::Preset::config`].
    pub(super) fn config(&self) -> Config {
        let dataset = self.dataset.categories();
        let class_order = match self.reference {
            Reference::Deeplab2 => ClassOrder::ThingsFirst,
            Reference::Pytorch | Reference::Coconut => ClassOrder::Contiguous,
        };
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
        let backbone = match (self.backbone, self.reference) {
            (Backbone::ResNet50, Reference::Deeplab2) => BackboneConfig::resnet50_deeplab2(),
            (Backbone::ResNet50, Reference::Pytorch) => BackboneConfig::resnet50_pytorch(),
            (Backbone::ResNet50, Reference::Coconut) => BackboneConfig::resnet50_coconut(),
            (Backbone::ResNet50Detectron2, _) => BackboneConfig::resnet50_detectron2(),
            (Backbone::MaxS, _) => BackboneConfig::max_s(),
            (Backbone::ConvNeXt(size), _) => BackboneConfig::convnext(size, self.drop_path(size)),
        };
        let mut network = match self.reference {
            Reference::Deeplab2 => NetworkConfig::deeplab2(backbone, classes),
            Reference::Pytorch | Reference::Coconut => NetworkConfig::pytorch(backbone, classes),
        };
        network.decoder.drop_path = if self.dataset == Dataset::Ade20k { 0.0 } else { 0.2 };
        if self.dataset == Dataset::Cityscapes {
            network = network.for_cityscapes();
            network.decoder.queries = 256;
            if self.reference == Reference::Pytorch && self.backbone == Backbone::ResNet50 {
                // It sorts maps by the strides they declare, and both of these declare 4.
                network.levels[3..].copy_from_slice(&[Level::Stem, Level::Res2]);
            }
        }
        network
    }

    /// Stochastic depth of ConvNeXt.
    fn drop_path(&self, size: ConvNeXtSize) -> f64 {
        match (self.dataset, self.reference, size) {
            (Dataset::Ade20k, _, _) => 0.7,
            (Dataset::Cityscapes, Reference::Deeplab2, Tiny) => 0.2,
            (Dataset::Cityscapes, Reference::Deeplab2, Small) => 0.3,
            (Dataset::Cityscapes, Reference::Deeplab2, Base) => 0.4,
            (_, _, Tiny) => 0.3,
            (_, _, Small) => 0.4,
            (_, _, Base) => 0.5,
            (_, _, Large) => 0.6,
        }
    }

    fn losses(&self) -> LossConfig {
        let mut losses = match self.reference {
            Reference::Deeplab2 => LossConfig::deeplab2(),
            Reference::Pytorch | Reference::Coconut => LossConfig::pytorch(),
        };
        match (self.dataset, self.reference) {
            (Dataset::Cityscapes, reference) => {
                losses.pixel_sample_temperature = 0.6;
                losses.semantic_sample_temperature = 1.0;
                losses.semantic_samples = 0;
                losses.semantic_top_k = if reference == Reference::Pytorch { 1.0 } else { 0.2 };
            }
            (Dataset::Ade20k, Reference::Deeplab2) if self.input == 641 => losses.pixel_samples = 1024,
            (_, Reference::Coconut) => (losses.pixel_samples, losses.semantic_samples) = (2301, 2301),
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
        match self.reference {
            Reference::Deeplab2 => config,
            Reference::Pytorch => config.pytorch(),
            Reference::Coconut => config.coconut(),
        }
    }

    fn preprocess(&self) -> PreprocessConfig {
        match (self.dataset, self.reference) {
            (Dataset::Cityscapes, Reference::Deeplab2) => PreprocessConfig::deeplab2_within([1025, 2049]),
            (Dataset::Cityscapes, _) => PreprocessConfig::pytorch([1025, 2049]),
            (_, Reference::Deeplab2) => PreprocessConfig::deeplab2(self.input),
            (_, Reference::Pytorch | Reference::Coconut) => PreprocessConfig::pytorch([self.input; 2]),
        }
    }
}

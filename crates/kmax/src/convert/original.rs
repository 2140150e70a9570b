//! Whose checkpoints whole models come from.

use crate::Config;
use kmax_backbones::{BackboneConfig, StemKind};
use kmax_checkpoints::names::naming::Naming;
use kmax_checkpoints::names::{deeplab2, port};
use kmax_heads::SemanticKind;
use std::fmt;

/// The code that wrote a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Original {
    /// deeplab2, in TensorFlow.
    Deeplab2,
    /// Its PyTorch port.
    Port,
}

impl Original {
    /// By the names of its parameters; `None` for those who publish encoders alone.
    pub(super) fn of(naming: Naming) -> Option<Self> {
        match naming {
            Naming::DeepLab2 => Some(Self::Deeplab2),
            Naming::Port => Some(Self::Port),
            _ => None,
        }
    }

    /// The original's name of our parameter.
    pub(super) fn name_of(self, ours: &str, config: &Config) -> Option<String> {
        match self {
            Self::Deeplab2 => {
                let inception = |backbone: &BackboneConfig| match backbone {
                    BackboneConfig::ResNet(resnet) => resnet.stem == StemKind::Inception,
                    _ => false,
                };
                deeplab2::to_deeplab2(ours, inception(&config.network.backbone))
            }
            Self::Port => port::to_port(ours, config.network.semantic_head.kind == SemanticKind::Flat),
        }
    }

    /// Address of the code.
    pub(super) fn repository(self) -> &'static str {
        match self {
            Self::Deeplab2 => "https://github.com/google-research/deeplab2",
            Self::Port => "https://github.com/bytedance/kmax-deeplab",
        }
    }
}

impl fmt::Display for Original {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Deeplab2 => "deeplab2",
            Self::Port => "the PyTorch port",
        })
    }
}

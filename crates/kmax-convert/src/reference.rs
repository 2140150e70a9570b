//! Whose checkpoints whole models come from.

use crate::names::naming::Naming;
use crate::names::{deeplab2, pytorch};
use kmax_backbones::{BackboneConfig, StemKind};
use kmax_heads::SemanticKind;
use kmax_model::{Config, Reference};

/// By the names of its parameters; `None` for those who publish encoders alone.
pub(crate) fn of(naming: Naming) -> Option<Reference> {
    match naming {
        Naming::Deeplab2 => Some(Reference::Deeplab2),
        Naming::Pytorch => Some(Reference::Pytorch),
        _ => None,
    }
}

/// Its name of our parameter.
pub(crate) fn name_of(reference: Reference, ours: &str, config: &Config) -> Option<String> {
    match reference {
        Reference::Deeplab2 => {
            let inception = match &config.network.backbone {
                BackboneConfig::ResNet(resnet) => resnet.stem == StemKind::Inception,
                _ => false,
            };
            deeplab2::to_deeplab2(ours, inception)
        }
        Reference::Pytorch => {
            pytorch::to_pytorch(ours, config.network.semantic_head.kind == SemanticKind::Flat)
        }
    }
}

/// In words.
pub(crate) fn title(reference: Reference) -> &'static str {
    match reference {
        Reference::Deeplab2 => "deeplab2",
        Reference::Pytorch => "kMaX-DeepLab for PyTorch",
    }
}

//! Whose names the checkpoints of whole models have.

use crate::names::naming::Naming;
use crate::names::{deeplab2, pytorch};
use kmax_backbones::{BackboneConfig, StemKind};
use kmax_heads::SemanticKind;
use kmax_model::{Config, Preset, Reference};

/// Whether whole models are published under these names, and not encoders alone.
pub(crate) fn is_whole(naming: Naming) -> bool {
    matches!(naming, Naming::Deeplab2 | Naming::Pytorch)
}

/// The names that a preset's checkpoint has; `None` for a preset whose weights are no checkpoint.
pub(crate) fn naming_of(preset: Preset) -> Option<Naming> {
    let Preset::Published(variant) = preset else { return None };
    Some(if variant.reference() == Reference::Deeplab2 { Naming::Deeplab2 } else { Naming::Pytorch })
}

/// The name of our parameter there.
pub(crate) fn name_of(naming: Naming, ours: &str, config: &Config) -> Option<String> {
    match naming {
        Naming::Deeplab2 => {
            let inception = match &config.network.backbone {
                BackboneConfig::ResNet(resnet) => resnet.stem == StemKind::Inception,
                _ => false,
            };
            deeplab2::to_deeplab2(ours, inception)
        }
        Naming::Pytorch => pytorch::to_pytorch(ours, config.network.semantic_head.kind == SemanticKind::Flat),
        _ => None,
    }
}

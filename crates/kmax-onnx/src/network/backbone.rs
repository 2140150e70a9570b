//! Any backbone.

use super::{Features, convnext, efficientnet, resnet};
use crate::error::Result;
use crate::graph::{Graph, Map};
use kmax_backbones::BackboneConfig;
use kmax_nn::Params;

/// The maps of the backbone that `config` describes.
pub fn backbone(g: &mut Graph, config: &BackboneConfig, image: &Map, params: &Params) -> Result<Features> {
    match config {
        BackboneConfig::ResNet(config) => resnet::resnet(g, config, image, params),
        BackboneConfig::ConvNeXt(config) => convnext::convnext(g, config, image, params),
        BackboneConfig::EfficientNetLite(config) => efficientnet::efficientnet(g, config, image, params),
    }
}

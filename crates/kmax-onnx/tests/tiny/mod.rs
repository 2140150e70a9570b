//! A small network of each kind, with drawn weights whose norms are not the identity.

use candle_core::{DType, Device, Tensor};
use kmax_backbones::{BackboneConfig, ConvNeXtConfig, ConvNeXtSize, ResNetConfig};
use kmax_model::{Config, KMaxDeepLab, NetworkConfig, PreprocessConfig, Preset};
use kmax_nn::{Init, Params, Role};
use std::collections::HashMap;
use std::error::Error;

pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Names and configurations.
pub fn configs() -> Vec<(&'static str, Config)> {
    let resnet = |base| BackboneConfig::ResNet(ResNetConfig { depths: [1, 1, 2, 1], width: 8, ..base });
    let convnext = ConvNeXtConfig {
        depths: [1; 4],
        dims: [8, 16, 16, 24],
        ..ConvNeXtConfig::new(ConvNeXtSize::Tiny, 0.0)
    };
    let classes = Preset::People.config().categories.len();
    let networks = [
        (
            "resnet-deeplab2",
            NetworkConfig::deeplab2(resnet(ResNetConfig::resnet50_deeplab2()), classes).for_cityscapes(),
        ),
        (
            "resnet-pytorch",
            NetworkConfig::pytorch(resnet(ResNetConfig::resnet50_pytorch()), classes).for_cityscapes(),
        ),
        ("max-s", NetworkConfig::deeplab2(resnet(ResNetConfig::max_s()), classes)),
        ("convnext", NetworkConfig::pytorch(BackboneConfig::ConvNeXt(convnext), classes)),
        ("efficientnet", NetworkConfig::small(classes)),
    ];
    networks.into_iter().map(|(name, network)| (name, config(network))).collect()
}

/// A model around a network whose decoders are made small.
fn config(mut network: NetworkConfig) -> Config {
    for stage in &mut network.pixel_decoder.stages {
        (stage.blocks, stage.channels) = (stage.blocks.min(2), 8);
    }
    let decoder = &mut network.decoder;
    (decoder.queries, decoder.channels, decoder.width) = (12, 16, 16);
    (decoder.feed_forward, decoder.head_hidden, decoder.embedding) = (32, 16, 8);
    let base = Preset::People.config();
    Config { network, preprocess: PreprocessConfig::pytorch([65, 97]), ..base }
}

/// Drawn weights of a network, without those of the auxiliary head.
pub fn weights(config: &Config) -> Result<HashMap<String, Tensor>> {
    let params = Params::trainable(None, 11, DType::F32, &Device::Cpu);
    KMaxDeepLab::new(&config.network, &params)?;
    let mut weights = HashMap::new();
    for parameter in params.parameters() {
        let (name, tensor) = (parameter.name, parameter.var.as_detached_tensor());
        if name.starts_with("semantic_head.") {
            continue;
        }
        let drawn = |bound: f64, middle: f64| -> Result<Tensor> {
            let values = Init::Uniform { bound }.values(&name, 3, tensor.elem_count());
            let drawn = Tensor::from_vec(values, tensor.shape(), &Device::Cpu)?.to_dtype(DType::F32)?;
            Ok((drawn + middle)?)
        };
        let shifts = name.ends_with(".bias") || name.ends_with(".running_mean");
        let tensor = match parameter.role {
            Role::Norm | Role::Statistic if shifts => drawn(0.3, 0.0)?,
            Role::Norm | Role::Statistic | Role::Scale => drawn(0.4, 1.0)?,
            Role::Bias => drawn(0.3, 0.0)?,
            _ => tensor,
        };
        weights.insert(name, tensor);
    }
    Ok(weights)
}

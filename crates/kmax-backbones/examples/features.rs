//! One backbone alone: ResNet-50 with weights drawn from a seed, and the same weights through a `VarBuilder` of Candle, where
//! the backbone is one part of somebody else's model.

use candle_nn::VarBuilder;
use kmax_backbones::candle_core::{DType, Device, ModuleT, Tensor};
use kmax_backbones::{AtLevel, BackboneConfig, Level, Mode, Params, build};
use std::collections::HashMap;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device = Device::Cpu;
    let config = BackboneConfig::resnet50_pytorch();
    // RGB, normalised as `config.normalization()` says.
    let image = Tensor::randn(0f32, 1.0, (1, 3, 129, 193), &device)?;

    // Parameters that are not read are drawn; equal seeds give equal networks.
    let drawn = Params::trainable(None, 7, DType::F32, &device);
    let backbone = build(&config, &drawn)?;
    let features = backbone.forward(&image, &Mode::eval())?;
    for level in Level::ALL {
        println!("{level:?}: stride {:2}, {:?}", config.stride(level), features.get(level).dims());
    }

    // As in a model of one's own, whose weights have the backbone under `encoder`.
    let weights: HashMap<String, Tensor> = (drawn.parameters().into_iter())
        .map(|parameter| (format!("encoder.{}", parameter.name), parameter.var.as_detached_tensor()))
        .collect();
    println!("{} parameters", weights.len());
    let vb = VarBuilder::from_tensors(weights, DType::F32, &device);
    let encoder = AtLevel::new(build(&config, &Params::from_var_builder(vb.pp("encoder")))?, Level::Res5);
    let map = encoder.forward_t(&image, false)?;

    let difference = (map - features.get(Level::Res5))?.abs()?.max_all()?.to_scalar::<f32>()?;
    println!("largest difference between the two: {difference:e}");
    Ok(())
}

//! Building blocks of the backbones against the PyTorch port: evaluation, training, every gradient, running statistics.

use kmax_backbones::resnet::{BlockShape, ResNetBlock, ResNetConfig, Stem};
use kmax_backbones::{Backbone, ConvNeXtConfig, ConvNeXtSize, Level, convnext};
use kmax_convert::names::pytorch_backbone;
use kmax_goldens::ModuleCase;
use kmax_nn::{Activation, LayerNorm};
use std::error::Error;

fn port() -> ResNetConfig {
    ResNetConfig { width: 8, ..ResNetConfig::resnet50_pytorch() }
}

fn bottleneck(name: &'static str, input: usize, stride: usize) -> Result<(), Box<dyn Error>> {
    let Some(case) = ModuleCase::open(name) else { return Ok(()) };
    case.run(&["x"], str::to_string, |params| {
        let shape = BlockShape { input, inner: 8, output: 32, stride, axial: false };
        let block = ResNetBlock::new(shape, Activation::Relu, 0.0, &port(), params)?;
        Ok(Box::new(move |x, mode| Ok(vec![("out", block.forward(&x[0], mode)?)])))
    })
}

fn bottleneck_stride1() -> Result<(), Box<dyn Error>> {
    bottleneck("bottleneck_stride1", 32, 1)
}

fn bottleneck_stride2_odd() -> Result<(), Box<dyn Error>> {
    bottleneck("bottleneck_stride2_odd", 16, 2)
}

fn bottleneck_stride2_even() -> Result<(), Box<dyn Error>> {
    bottleneck("bottleneck_stride2_even", 16, 2)
}

fn stem() -> Result<(), Box<dyn Error>> {
    for name in ["stem_odd", "stem_even"] {
        let Some(case) = ModuleCase::open(name) else { return Ok(()) };
        case.run(&["x"], str::to_string, |params| {
            let stem = Stem::new(&port(), params)?;
            Ok(Box::new(move |x, mode| Ok(vec![("out", stem.forward(&x[0], mode)?)])))
        })?;
    }
    Ok(())
}

fn layernorm_channels_first() -> Result<(), Box<dyn Error>> {
    let Some(case) = ModuleCase::open("layernorm_channels_first") else { return Ok(()) };
    case.run(&["x"], str::to_string, |params| {
        let norm = LayerNorm::new(16, 1, 1e-6, params)?;
        Ok(Box::new(move |x, _| Ok(vec![("out", norm.forward(&x[0])?)])))
    })
}

fn convnext_block() -> Result<(), Box<dyn Error>> {
    let Some(case) = ModuleCase::open("convnext_block") else { return Ok(()) };
    let rename = |name: &str| {
        let ours = pytorch_backbone::from_pytorch(&format!("backbone.stages.0.0.{name}"));
        let ours = ours.unwrap_or_else(|| panic!("{name}: no name of ours"));
        ours.trim_start_matches("backbone.stages.0.blocks.0.").to_string()
    };
    case.run(&["x"], rename, |params| {
        let block = convnext::ConvNeXtBlock::new(16, 1e-6, 0.0, 1e-6, params)?;
        Ok(Box::new(move |x, mode| Ok(vec![("out", block.forward(&x[0], mode)?)])))
    })
}

fn convnext_mini() -> Result<(), Box<dyn Error>> {
    for name in ["convnext_mini_odd", "convnext_mini_even"] {
        let Some(case) = ModuleCase::open(name) else { return Ok(()) };
        let rename = |name: &str| {
            let ours = pytorch_backbone::from_pytorch(&format!("backbone.{name}"));
            ours.and_then(|ours| Some(ours.strip_prefix("backbone.")?.to_string()))
                .unwrap_or_else(|| panic!("{name}: no name of ours"))
        };
        case.run(&["x"], rename, |params| {
            let tiny = ConvNeXtConfig::new(ConvNeXtSize::Tiny, 0.0);
            let config = ConvNeXtConfig { depths: [1, 1, 2, 1], dims: [8, 16, 24, 32], ..tiny };
            let network = convnext::ConvNeXt::new(config, params)?;
            Ok(Box::new(move |x, mode| {
                let features = network.forward(&x[0], mode)?;
                let levels = ["stem", "res2", "res3", "res4", "res5"].into_iter().zip(Level::ALL);
                Ok(levels.map(|(name, level)| (name, features.get(level).clone())).collect())
            }))
        })?;
    }
    Ok(())
}

kmax_goldens::tests!(
    bottleneck_stride1,
    bottleneck_stride2_odd,
    bottleneck_stride2_even,
    stem,
    layernorm_channels_first,
    convnext_block,
    convnext_mini
);

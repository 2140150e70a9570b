//! ResNet-50 in the forms of the reference implementations, and MaX-S: `kmax_backbones::resnet` as operators.

use super::Features;
use crate::error::Result;
use crate::graph::{Graph, Map};
use crate::layers::{Axial, activate, add, axial, conv_norm, max_pool};
use kmax_backbones::resnet::BlockShape;
use kmax_backbones::{FeatureTap, Level, ResNetConfig, StemKind};
use kmax_nn::layers::AxialConfig;
use kmax_nn::{Activation, ConvConfig, Params};

/// The maps of a residual network.
pub fn resnet(g: &mut Graph, config: &ResNetConfig, image: &Map, params: &Params) -> Result<Features> {
    let tapped_early = config.features == FeatureTap::BeforeActivation;
    // A map tapped before its activation is activated on the way into the next stage.
    let pending = if tapped_early { config.activation } else { Activation::Identity };
    let first = stem(g, config, image, &params.pp("stem"))?;
    let mut features = [first.clone(), first.clone(), first.clone(), first.clone(), first.clone()];
    let mut map = first;
    let mut stride = config.stem_stride();
    for (s, depth) in config.depths.into_iter().enumerate() {
        let output = config.channels(Level::ALL[s + 1]);
        let params = params.pp(format!("stages.{s}"));
        map.value = activate(g, pending, &map.value, &params.path("input"));
        for b in 0..depth {
            // Without the max pool the first stage halves the resolution in its place.
            let step = if b == 0 && (s > 0 || !config.max_pool) { 2 } else { 1 };
            let axial = config.axial_beyond_stride != 0 && stride >= config.axial_beyond_stride;
            let shape = BlockShape { input: map.channels, inner: output / 4, output, stride: step, axial };
            let activation =
                if b + 1 == depth && tapped_early { Activation::Identity } else { config.activation };
            map = block(g, config, shape, activation, &map, &params.pp(format!("blocks.{b}")))?;
            stride *= step;
        }
        features[s + 1] = map.clone();
    }
    Ok(features)
}

/// Layers before the first stage.
fn stem(g: &mut Graph, config: &ResNetConfig, image: &Map, params: &Params) -> Result<Map> {
    let width = config.width;
    let shapes = match config.stem {
        StemKind::Conv7 => vec![ConvConfig::new(3, width, 7).stride(2)],
        StemKind::Inception => vec![
            ConvConfig::new(3, width, 3).stride(2),
            ConvConfig::new(width, width, 3),
            ConvConfig::new(width, 2 * width, 3),
        ],
    };
    let last = shapes.len();
    let mut map = image.clone();
    for (n, shape) in (1..).zip(shapes) {
        let activation = match config.features {
            FeatureTap::BeforeActivation if n == last => Activation::Identity,
            _ => config.activation,
        };
        map = conv_norm(g, &map, shape, config.norm(), activation, &params.pp(format!("conv{n}")))?;
    }
    Ok(if config.max_pool { max_pool(g, &map, 3, 2, &params.path("pool")) } else { map })
}

/// 1x1 convolution, 3x3 convolution or axial attention, 1x1 convolution, and a residual around them.
fn block(
    g: &mut Graph,
    config: &ResNetConfig,
    shape: BlockShape,
    activation: Activation,
    x: &Map,
    params: &Params,
) -> Result<Map> {
    let BlockShape { input, inner, output, stride, axial: is_axial } = shape;
    let (norm, act, linear) = (config.norm(), config.activation, Activation::Identity);
    let around = if is_axial { 2 * inner } else { inner };
    let branch = conv_norm(g, x, ConvConfig::new(input, around, 1), norm, act, &params.pp("conv1"))?;
    let branch = if is_axial {
        let attention = Axial { config: AxialConfig::new(around, inner, norm), stride };
        let branch = axial(g, &branch, &attention, &params.pp("attention"))?;
        Map { value: activate(g, act, &branch.value, &params.path("attention")), ..branch }
    } else {
        let conv2 = ConvConfig::new(inner, inner, 3).stride(stride);
        conv_norm(g, &branch, conv2, norm, act, &params.pp("conv2"))?
    };
    let branch =
        conv_norm(g, &branch, ConvConfig::new(around, output, 1), norm, linear, &params.pp("conv3"))?;
    let residual = if input == output {
        x.clone()
    } else {
        let projection = ConvConfig::new(input, output, 1).stride(stride);
        conv_norm(g, x, projection, norm, linear, &params.pp("shortcut"))?
    };
    let sum = add(g, &branch, &residual, &params.path("sum"));
    Ok(Map { value: activate(g, activation, &sum.value, &params.path("output")), ..sum })
}

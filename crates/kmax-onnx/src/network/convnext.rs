//! ConvNeXt: `kmax_backbones::convnext` as operators.

use super::Features;
use crate::error::Result;
use crate::graph::{Constant, Graph, Map};
use crate::layers::{Folded, activate, add, conv, layer_norm, layer_norm_last, linear};
use kmax_backbones::{ConvNeXtConfig, Level};
use kmax_nn::{Activation, ConvConfig, Init, Params, Role};

/// The maps of a ConvNeXt.
pub fn convnext(g: &mut Graph, config: &ConvNeXtConfig, image: &Map, params: &Params) -> Result<Features> {
    let (dims, eps) = (config.dims, config.norm_eps);
    let [before, after] = config.stem_padding;
    let stem = params.pp("stem");
    let mut map = patches(g, image, dims[0], 4, [before, before, after, after], &stem.pp("conv"))?;
    map.value = layer_norm(g, &map.value, dims[0], eps, &stem.pp("norm"))?;
    let mut features = [map.clone(), map.clone(), map.clone(), map.clone(), map.clone()];
    for (s, depth) in config.depths.into_iter().enumerate() {
        let params = params.pp(format!("stages.{s}"));
        if s > 0 {
            map = downsample(g, config, &map, dims[s], &params.pp("downsample"))?;
        }
        for b in 0..depth {
            map = block(g, config, &map, &params.pp(format!("blocks.{b}")))?;
        }
        features[Level::ALL[s + 1].index()] = map.clone();
    }
    Ok(features)
}

/// A convolution of `k` x `k` patches that do not overlap.
fn patches(
    g: &mut Graph,
    x: &Map,
    output: usize,
    k: usize,
    padding: [usize; 4],
    params: &Params,
) -> Result<Map> {
    let config = ConvConfig::new(x.channels, output, k).stride(k);
    let folded = Folded::read(&[output, x.channels, k, k], true, params)?;
    conv(g, x, &folded, config, Some(padding), params)
}

/// Padding, layer norm, 2x2 convolution. Padded ahead of the norm, so that padded pixels become the norm's bias.
fn downsample(
    g: &mut Graph,
    config: &ConvNeXtConfig,
    x: &Map,
    output: usize,
    params: &Params,
) -> Result<Map> {
    let [before, after] = config.downsample_padding.map(|pad| pad as i64);
    let mut padded = x.clone();
    if before + after > 0 {
        let pads = g.constant(Constant::integers(&[0, 0, before, before, 0, 0, after, after]));
        padded.value = g.node("Pad", &[&x.value, &pads], Vec::new(), x.value.element, &params.path("padded"));
        padded.size = x.size.map(|dim| dim.padded((before + after) as usize));
    }
    padded.value = layer_norm(g, &padded.value, x.channels, config.norm_eps, &params.pp("norm"))?;
    patches(g, &padded, output, 2, [0; 4], &params.pp("conv"))
}

/// Depthwise 7x7 convolution, layer norm, 1x1 expansion by four, GELU, 1x1 projection and layer scale, residual.
fn block(g: &mut Graph, config: &ConvNeXtConfig, x: &Map, params: &Params) -> Result<Map> {
    let dim = x.channels;
    let below = params.pp("depthwise");
    let folded = Folded::read(&[dim, 1, 7, 7], true, &below)?;
    let branch = conv(g, x, &folded, ConvConfig::depthwise(dim, 7), None, &below)?;
    let last = g.transpose(&branch.value, &[0, 2, 3, 1], &params.path("channels_last"));
    let last = layer_norm_last(g, &last, dim, config.norm_eps, &params.pp("norm"))?;
    let expand = params.pp("expand");
    let inner = linear(g, &last, &Folded::read(&[4 * dim, dim], true, &expand)?, &expand)?;
    let inner = activate(g, Activation::Gelu, &inner, &expand.path("output"));
    let below = params.pp("project");
    let mut project = Folded::read(&[dim, 4 * dim], true, &below)?;
    if config.layer_scale > 0.0 {
        let scale = params.get("scale", &[dim], Init::ONES, Role::Scale)?;
        let scale = scale.to_dtype(candle_core::DType::F64)?.to_vec1::<f64>()?;
        project = project.then(&scale, &vec![0.0; dim]);
    }
    let last = linear(g, &inner, &project, &below)?;
    let branch = Map { value: g.transpose(&last, &[0, 3, 1, 2], &params.path("channels_first")), ..branch };
    Ok(add(g, &branch, x, &params.path("output")))
}

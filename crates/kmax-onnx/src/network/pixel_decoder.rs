//! The pixel decoder: `kmax_pixel_decoder` as operators.

use crate::error::Result;
use crate::graph::{Graph, Map};
use crate::layers::{Axial, activate, add, aligned, axial, conv_norm, layer_norm, resize};
use kmax_nn::layers::AxialConfig;
use kmax_nn::{Activation, ConvConfig, Params};
use kmax_pixel_decoder::{PixelDecoderConfig, ResizeRule, StageConfig, StageKind};

/// The output of each stage for `maps`, both coarsest first.
pub fn pixel_decoder(
    g: &mut Graph,
    config: &PixelDecoderConfig,
    maps: &[&Map],
    rule: ResizeRule,
    params: &Params,
) -> Result<Vec<Map>> {
    let mut outputs: Vec<Map> = Vec::with_capacity(maps.len());
    for (i, (stage, map)) in config.stages.iter().zip(maps).enumerate() {
        let mut x = (*map).clone();
        x.value = layer_norm(g, &map.value, map.channels, 1e-6, &params.pp("norms").pp(i))?;
        if let Some(low) = outputs.last() {
            x = fuse(g, config, low, &x, stage.channels, rule, &params.pp("fuses").pp(i - 1))?;
        }
        for j in 0..stage.blocks {
            x = block(g, config, *stage, &x, &params.pp("stages").pp(i).pp(j))?;
        }
        outputs.push(x);
    }
    Ok(outputs)
}

/// The coarse map, projected where channels differ, resized and added to the fine one, which is projected likewise.
fn fuse(
    g: &mut Graph,
    config: &PixelDecoderConfig,
    low: &Map,
    high: &Map,
    output: usize,
    rule: ResizeRule,
    params: &Params,
) -> Result<Map> {
    let project = |g: &mut Graph, x: &Map, name: &str| -> Result<Map> {
        if x.channels == output {
            return Ok(x.clone());
        }
        let params = params.pp(name);
        let value = activate(g, Activation::Gelu, &x.value, &params.path("input"));
        let x = Map { value, ..x.clone() };
        let shape = ConvConfig::new(x.channels, output, 1);
        conv_norm(g, &x, shape, config.norm(), Activation::Identity, &params)
    };
    let projected = project(g, low, "low")?;
    let corners = aligned(g, rule, low.size[1]);
    let resized = resize(g, &projected, high.size, &corners, &params.path("resized"));
    let high = project(g, high, "high")?;
    Ok(add(g, &resized, &high, &params.path("output")))
}

/// GELU, then 1x1 convolution, axial attention or 3x3 convolution, 1x1 convolution, and a residual around them.
fn block(
    g: &mut Graph,
    config: &PixelDecoderConfig,
    stage: StageConfig,
    x: &Map,
    params: &Params,
) -> Result<Map> {
    let (norm, gelu, linear) = (config.norm(), Activation::Gelu, Activation::Identity);
    let base = stage.channels;
    let x = Map { value: activate(g, gelu, &x.value, &params.path("input")), ..x.clone() };
    let first = match stage.kind {
        StageKind::Axial => 2 * base,
        StageKind::Bottleneck => base,
    };
    let branch = conv_norm(g, &x, ConvConfig::new(x.channels, first, 1), norm, gelu, &params.pp("conv1"))?;
    let branch = match stage.kind {
        StageKind::Axial => {
            let attention = AxialConfig { heads: config.heads, ..AxialConfig::new(2 * base, base, norm) };
            let attention = Axial { config: attention, stride: 1 };
            let branch = axial(g, &branch, &attention, &params.pp("attention"))?;
            Map { value: activate(g, gelu, &branch.value, &params.path("attention")), ..branch }
        }
        StageKind::Bottleneck => {
            let conv2 = ConvConfig::new(base, base, 3).dilation(config.bottleneck_dilation);
            conv_norm(g, &branch, conv2, norm, gelu, &params.pp("conv2"))?
        }
    };
    let conv3 = ConvConfig::new(branch.channels, 4 * base, 1);
    let branch = conv_norm(g, &branch, conv3, norm, linear, &params.pp("conv3"))?;
    let residual = if x.channels == 4 * base {
        x
    } else {
        let shortcut = ConvConfig::new(x.channels, 4 * base, 1);
        conv_norm(g, &x, shortcut, norm, linear, &params.pp("shortcut"))?
    };
    Ok(add(g, &branch, &residual, &params.path("output")))
}

//! EfficientNet-Lite0: `kmax_backbones::efficientnet` as operators.

use super::Features;
use crate::error::Result;
use crate::graph::{Constant, Dim, Element, Graph, Map, Value};
use crate::layers::{Folded, activate, add, conv, conv_norm};
use kmax_backbones::EfficientNetLiteConfig;
use kmax_backbones::efficientnet::Group;
use kmax_nn::{Activation, ConvConfig, Params};

/// The maps of an EfficientNet-Lite0.
pub fn efficientnet(
    g: &mut Graph,
    config: &EfficientNetLiteConfig,
    image: &Map,
    params: &Params,
) -> Result<Features> {
    let stem = EfficientNetLiteConfig::STEM;
    let mut map = same_conv(g, config, image, ConvConfig::new(3, stem, 3), &params.pp("stem.conv"))?;
    let mut outputs = Vec::new();
    for (s, group) in EfficientNetLiteConfig::GROUPS.iter().enumerate() {
        for b in 0..group.repeats {
            let stride = if b == 0 { group.stride } else { 1 };
            map = block(g, config, group, stride, &map, &params.pp(format!("stages.{s}.blocks.{b}")))?;
        }
        outputs.push(map.clone());
    }
    Ok(EfficientNetLiteConfig::LAST_GROUP.map(|group| outputs[group].clone()))
}

/// 1x1 expansion, depthwise convolution, linear 1x1 projection; a residual where the shape stays.
fn block(
    g: &mut Graph,
    config: &EfficientNetLiteConfig,
    group: &Group,
    stride: usize,
    x: &Map,
    params: &Params,
) -> Result<Map> {
    let (norm, act) = (config.norm(), Activation::Relu6);
    let inner = x.channels * group.expand;
    let mut branch = x.clone();
    if group.expand != 1 {
        branch = conv_norm(g, x, ConvConfig::new(x.channels, inner, 1), norm, act, &params.pp("expand"))?;
    }
    let depthwise = ConvConfig::depthwise(inner, group.kernel);
    let below = params.pp("depthwise");
    branch = match stride {
        2 => same_conv(g, config, &branch, depthwise, &below)?,
        _ => conv_norm(g, &branch, depthwise, norm, act, &below)?,
    };
    let project = ConvConfig::new(inner, group.output, 1);
    branch = conv_norm(g, &branch, project, norm, Activation::Identity, &params.pp("project"))?;
    let residual = stride == 1 && x.channels == group.output;
    Ok(if residual { add(g, &branch, x, &params.path("output")) } else { branch })
}

/// A convolution of stride 2 padded as TensorFlow's `SAME`: as many zeros after as before at an odd size, one more after than
/// before at an even one.
fn same_conv(
    g: &mut Graph,
    config: &EfficientNetLiteConfig,
    x: &Map,
    conv_config: ConvConfig,
    params: &Params,
) -> Result<Map> {
    let conv_config = conv_config.stride(2);
    let (k, groups) = (conv_config.kernel.0, conv_config.params.groups);
    let dims = [conv_config.output, conv_config.input / groups, k, k];
    let folded = Folded::read(&dims, false, params)?.normed(config.norm(), params)?;
    let after = (k - 1) / 2;
    let before = |length: usize| if length % 2 == 1 { after } else { after - 1 };
    let map = match x.size {
        [Dim::Fixed(height), Dim::Fixed(width)] => {
            conv(g, x, &folded, conv_config, Some([before(height), before(width), after, after]), params)?
        }
        _ if g.odd => conv(g, x, &folded, conv_config, None, params)?,
        _ => {
            let padded = Map { value: padded(g, x, after, params), ..x.clone() };
            conv(g, &padded, &folded, conv_config, Some([0; 4]), params)?
        }
    };
    Ok(Map { value: activate(g, Activation::Relu6, &map.value, &params.path("output")), ..map })
}

/// The padding of [`same_conv`] where sizes are known when the file runs only.
fn padded(g: &mut Graph, x: &Map, after: usize, params: &Params) -> Value {
    let hint = |part: &str| params.path(format!("padding.{part}"));
    let mut before = |dim: Dim| {
        g.shared(&format!("before.{dim}.{after}"), |g, name| {
            let length = g.size(dim);
            let two = g.constant(Constant::integers(&[2]));
            let odd = g.binary("Mod", &length, &two, &format!("{name}.odd"));
            let less = g.constant(Constant::integers(&[after as i64 - 1]));
            g.binary("Add", &odd, &less, name)
        })
    };
    let [top, left] = x.size.map(&mut before);
    let none = g.constant(Constant::integers(&[0, 0]));
    let after = g.constant(Constant::integers(&[after as i64]));
    let pads = g.concat(&[&none, &top, &left, &none, &after, &after], 0, &hint("pads"));
    let element: Element = x.value.element;
    g.node("Pad", &[&x.value, &pads], Vec::new(), element, &hint("output"))
}

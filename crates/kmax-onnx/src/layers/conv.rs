//! Convolutions of maps and of sequences.

use super::activation::activate;
use super::folded::Folded;
use crate::error::Result;
use crate::graph::{Attribute, Dim, Graph, Map, Value};
use kmax_kernels::ConvParams;
use kmax_nn::{Activation, BatchNormConfig, ConvConfig, Params};

/// Pixels added on each side: top, left, bottom, right.
pub type Padding = [usize; 4];

/// The same padding on both ends of each axis.
fn symmetric(params: ConvParams) -> Padding {
    let (vertical, horizontal) = params.padding;
    [vertical, horizontal, vertical, horizontal]
}

/// A convolution by that kernel; `padding` takes the place of that of `config`.
pub fn conv(
    g: &mut Graph,
    x: &Map,
    folded: &Folded,
    config: ConvConfig,
    padding: Option<Padding>,
    params: &Params,
) -> Result<Map> {
    let ConvParams { stride, dilation, groups, .. } = config.params;
    let padding = padding.unwrap_or(symmetric(config.params));
    let kernel = [config.kernel.0, config.kernel.1];
    let [weight, bias] = folded.write(g, params)?;
    let twice = |value: usize| vec![value as i64; 2];
    let attributes = vec![
        ("kernel_shape", Attribute::Ints(kernel.iter().map(|k| *k as i64).collect())),
        ("strides", Attribute::Ints(twice(stride))),
        ("dilations", Attribute::Ints(twice(dilation))),
        ("group", Attribute::Int(groups as i64)),
        ("pads", Attribute::Ints(padding.iter().map(|p| *p as i64).collect())),
    ];
    let value =
        g.node("Conv", &[&x.value, &weight, &bias], attributes, x.value.element, &params.path("output"));
    let size = std::array::from_fn(|axis| match x.size[axis] {
        Dim::Fixed(length) => {
            let padded = length + padding[axis] + padding[axis + 2];
            Dim::Fixed(padded.saturating_sub(dilation * (kernel[axis] - 1) + 1) / stride + 1)
        }
        free => free.strided(stride),
    });
    Ok(g.map(value, config.output, size))
}

/// A convolution, its norm and an activation.
pub fn conv_norm(
    g: &mut Graph,
    x: &Map,
    config: ConvConfig,
    norm: BatchNormConfig,
    activation: Activation,
    params: &Params,
) -> Result<Map> {
    let dims = [config.output, config.input / config.params.groups.max(1), config.kernel.0, config.kernel.1];
    let folded = Folded::read(&dims, config.bias, params)?.normed(norm, params)?;
    let map = conv(g, x, &folded, config, None, params)?;
    Ok(Map { value: activate(g, activation, &map.value, &params.path("output")), ..map })
}

/// A 1x1 convolution of a sequence `[batch, channels, length]`.
pub fn sequence(
    g: &mut Graph,
    x: &Value,
    folded: &Folded,
    activation: Activation,
    params: &Params,
) -> Result<Value> {
    let [weight, bias] = folded.write(g, params)?;
    let kernel = vec![("kernel_shape", Attribute::Ints(vec![1]))];
    let value = g.node("Conv", &[x, &weight, &bias], kernel, x.element, &params.path("output"));
    Ok(activate(g, activation, &value, &params.path("output")))
}

/// A linear layer over the last axis.
pub fn linear(g: &mut Graph, x: &Value, folded: &Folded, params: &Params) -> Result<Value> {
    let (output, input) = (folded.dims[0], folded.dims[1]);
    // MatMul wants it the other way round.
    let transposed = (0..input).flat_map(|i| (0..output).map(move |o| folded.weight[o * input + i]));
    let turned =
        Folded { weight: transposed.collect(), dims: vec![input, output], bias: folded.bias.clone() };
    let [weight, bias] = turned.write(g, params)?;
    let product = g.binary("MatMul", x, &weight, &params.path("product"));
    Ok(g.binary("Add", &product, &bias, &params.path("output")))
}

/// A max pool padded to keep the size but for its stride (odd `kernel`).
pub fn max_pool(g: &mut Graph, x: &Map, kernel: usize, stride: usize, name: &str) -> Map {
    let pad = (kernel - 1) / 2;
    let attributes = vec![
        ("kernel_shape", Attribute::Ints(vec![kernel as i64; 2])),
        ("strides", Attribute::Ints(vec![stride as i64; 2])),
        ("pads", Attribute::Ints(vec![pad as i64; 4])),
    ];
    let value = g.node("MaxPool", &[&x.value], attributes, x.value.element, name);
    let size = x.size.map(|dim| dim.strided(stride));
    g.map(value, x.channels, size)
}

/// The sum of two maps of one shape.
pub fn add(g: &mut Graph, a: &Map, b: &Map, name: &str) -> Map {
    Map { value: g.binary("Add", &a.value, &b.value, name), ..a.clone() }
}

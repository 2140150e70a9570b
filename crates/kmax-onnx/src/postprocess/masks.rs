//! Mask logits in the size that a convention works in.

use crate::frame::Frame;
use crate::graph::{Constant, Dim, Element, Graph, Map, Value};
use crate::layers::{aligned, resize};
use kmax_model::Config;
use kmax_model::postprocess::Convention;

/// In single precision.
pub fn single(g: &mut Graph, masks: &Map) -> Map {
    let value = g.cast(&masks.value, Element::F32, "mask_logits.single");
    Map { value, ..masks.clone() }
}

/// The masks in the size of the whole input (deeplab2) or of the image (PyTorch).
pub fn resized(g: &mut Graph, masks: &Map, config: &Config, frame: &Frame) -> Map {
    let alignment = aligned(g, config.network.resize, frame.input[1]);
    let whole = resize(g, masks, frame.input, &alignment, "mask_logits.input");
    if config.postprocess.convention == Convention::Deeplab2 {
        return whole;
    }
    let content = pytorch_content(g, frame);
    let zero = g.constant(Constant::integers(&[0]));
    let mut value = whole.value;
    for (axis, dim) in (2..).zip(content) {
        let end = g.size(dim);
        value = g.slice(&value, &zero, &end, axis, "mask_logits.content");
    }
    let cropped = Map { value, size: content, ..whole };
    resize(g, &cropped, frame.image, &alignment, "mask_logits.image")
}

/// Where the PyTorch implementation cuts the padding off: its own rounding, halves to even, of the image's height and width;
/// which need not be the rounding of the resize before.
fn pytorch_content(g: &mut Graph, frame: &Frame) -> [Dim; 2] {
    let mut longest = |dims: [Dim; 2]| -> (Value, [Value; 2]) {
        let lengths = crate::frame::doubles(g, dims);
        (g.binary("Max", &lengths[0], &lengths[1], "crop.longer_edge"), lengths)
    };
    let (input, _) = longest(frame.input);
    let (image, lengths) = longest(frame.image);
    let scale = g.binary("Div", &input, &image, "crop.scale");
    let one = g.constant(Constant::integers(&[1]));
    let dims = [Dim::free("crop_height"), Dim::free("crop_width")];
    for axis in 0..2 {
        let length = g.binary("Mul", &lengths[axis], &scale, "crop.scaled");
        let length = g.unary("Round", &length, "crop.rounded");
        let length = g.cast(&length, Element::I64, "crop.whole");
        let length = g.binary("Max", &length, &one, "crop.least");
        let most = g.size(frame.input[axis]);
        let length = g.binary("Min", &length, &most, &dims[axis].to_string());
        g.name_size(dims[axis], length);
    }
    dims
}

/// A map `[1, queries, h, w]` as `[queries, h, w]`.
pub fn of_one_image(g: &mut Graph, masks: &Map, name: &str) -> Value {
    let axis = g.constant(Constant::integers(&[0]));
    g.node("Squeeze", &[&masks.value, &axis], Vec::new(), masks.value.element, &format!("{name}.logits"))
}

/// A softmax over the queries of `[queries, h, w]`, spelt out: ONNX Runtime's operator takes many times as long over millions of short
/// rows.
pub fn probabilities(g: &mut Graph, logits: &Value, name: &str) -> Value {
    let hint = |part: &str| format!("{name}.{part}");
    let most = g.reduce("ReduceMax", logits, 0, true, &hint("most"));
    let below = g.binary("Sub", logits, &most, &hint("below"));
    let numerators = g.unary("Exp", &below, &hint("numerators"));
    let total = g.sum(&numerators, 0, true, &hint("total"));
    g.binary("Div", &numerators, &total, &hint("probabilities"))
}

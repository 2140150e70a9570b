//! The size that an image gets: the arithmetic of `kmax_transforms::eval` and `size`, rounding for rounding.

use crate::frame::{Frame, doubles};
use crate::graph::{Constant, Dim, Element, Graph, Value};
use kmax_model::{PreprocessConfig, ResizeConfig};

/// Makes the sizes of the frame known: of the content, and of the input where that follows the image.
pub fn name(g: &mut Graph, config: &PreprocessConfig, frame: &Frame) {
    let image = doubles(g, frame.image);
    let content = match config.resize {
        ResizeConfig::Fit { longest_edge } => fit(g, &image, longest_edge),
        ResizeConfig::Pytorch { shortest_edge, longest_edge } => {
            shortest_edge_to(g, &image, shortest_edge, longest_edge)
        }
        ResizeConfig::Deeplab2 { min, max } => to_range(g, &image, min, max.unwrap_or(config.size)),
    };
    // A pixel of the thinnest images stays.
    let one = g.constant(Constant::integers(&[1]));
    for (length, dim) in content.iter().zip(frame.content) {
        let length = g.cast(length, Element::I64, &format!("{dim}.whole"));
        let length = g.binary("Max", &length, &one, &dim.to_string());
        g.name_size(dim, length);
    }
    for (input, content) in frame.input.into_iter().zip(frame.content) {
        if matches!(input, Dim::Free { .. }) {
            let length = g.size(content);
            let length = next_odd(g, &length, &input.to_string());
            g.name_size(input, length);
        }
    }
}

/// The next `32 k + 1`.
fn next_odd(g: &mut Graph, length: &Value, name: &str) -> Value {
    let [thirty, step, one] = [30, 32, 1].map(|value| g.constant(Constant::integers(&[value])));
    let more = g.binary("Add", length, &thirty, &format!("{name}.more"));
    let steps = g.binary("Div", &more, &step, &format!("{name}.steps"));
    let multiple = g.binary("Mul", &steps, &step, &format!("{name}.multiple"));
    g.binary("Add", &multiple, &one, name)
}

/// The integer nearest to a positive `x`; halves go up.
fn rounded(g: &mut Graph, x: &Value, name: &str) -> Value {
    let half = g.number(x, 0.5);
    let more = g.binary("Add", x, &half, &format!("{name}.more"));
    g.unary("Floor", &more, name)
}

/// The longer edge becomes `longest`.
fn fit(g: &mut Graph, image: &[Value; 2], longest: usize) -> [Value; 2] {
    let most = g.binary("Max", &image[0], &image[1], "fit.longer_edge");
    let longest = g.number(&most, longest as f64);
    let scale = g.binary("Div", &longest, &most, "fit.scale");
    image.each_ref().map(|length| {
        let length = g.binary("Mul", length, &scale, "fit.scaled");
        rounded(g, &length, "fit.rounded")
    })
}

/// detectron2's `ResizeShortestEdge`.
fn shortest_edge_to(g: &mut Graph, image: &[Value; 2], shortest: usize, longest: usize) -> [Value; 2] {
    let [height, width] = image;
    let least = g.binary("Min", height, width, "shortest.edge");
    let target = g.number(&least, shortest as f64);
    let scale = g.binary("Div", &target, &least, "shortest.scale");
    let flat = g.compare("Less", height, width, "shortest.is_height");
    let scaled = image.each_ref().map(|length| g.binary("Mul", length, &scale, "shortest.scaled"));
    // The edge that is scaled to `shortest` has it exactly.
    let height = g.choose(&flat, &target, &scaled[0], "shortest.height");
    let width = g.choose(&flat, &scaled[1], &target, "shortest.width");
    let most = g.binary("Max", &height, &width, "shortest.longer_edge");
    let limit = g.number(&most, longest as f64);
    let one = g.number(&most, 1.0);
    let shrink = g.binary("Div", &limit, &most, "shortest.shrink");
    // Times one where nothing has to shrink.
    let shrink = g.binary("Min", &shrink, &one, "shortest.factor");
    [height, width].map(|length| {
        let length = g.binary("Mul", &length, &shrink, "shortest.shrunk");
        rounded(g, &length, "shortest.rounded")
    })
}

/// deeplab2's `resize_to_range`: at least `min`, then at most `max`, each rounded down in single precision.
fn to_range(g: &mut Graph, image: &[Value; 2], min: Option<[usize; 2]>, max: [usize; 2]) -> [Value; 2] {
    let mut size = image.clone();
    if let Some(min) = min {
        let factor = ratio(g, "Max", &size, min, "range.enlarge");
        size = scaled(g, &size, &factor, "range.enlarged");
    }
    let factor = ratio(g, "Min", &size, max, "range.shrink");
    let one = g.number(&factor, 1.0);
    let factor = g.binary("Min", &factor, &one, "range.shrink.factor");
    scaled(g, &size, &factor, "range.shrunk")
}

/// The larger or smaller of what brings height and width to a target.
fn ratio(g: &mut Graph, which: &str, size: &[Value; 2], target: [usize; 2], name: &str) -> Value {
    let [height, width] = [0, 1].map(|axis| {
        let one = g.number(&size[axis], 1.0);
        let length = g.binary("Max", &size[axis], &one, &format!("{name}.length"));
        let target = g.number(&length, target[axis] as f64);
        g.binary("Div", &target, &length, &format!("{name}.ratio"))
    });
    g.binary(which, &height, &width, name)
}

fn scaled(g: &mut Graph, size: &[Value; 2], factor: &Value, name: &str) -> [Value; 2] {
    let factor = g.cast(factor, Element::F32, &format!("{name}.single"));
    size.each_ref().map(|length| {
        let length = g.cast(length, Element::F32, &format!("{name}.length"));
        let length = g.binary("Mul", &length, &factor, &format!("{name}.product"));
        let length = g.unary("Floor", &length, name);
        g.cast(&length, Element::F64, &format!("{name}.double"))
    })
}

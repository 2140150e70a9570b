//! Bilinear resizing with aligned corners, as TensorFlow does it (`kmax_transforms::resize`).

use crate::graph::{Dim, Element, Graph, Value};
use crate::layers::sampling;

/// Source positions of the pixels of an axis that is resized, in single precision.
pub fn positions(g: &mut Graph, from: Dim, to: Dim) -> Value {
    g.shared(&format!("corners.{from}.{to}"), |g, name| {
        let hint = |part: &str| format!("{name}.{part}");
        let [source, target] = [from, to].map(|dim| {
            let length = g.size(dim);
            g.cast(&length, Element::F32, &hint(&dim.to_string()))
        });
        let one = g.number(&source, 1.0);
        let [steps, pixels] = [&target, &source].map(|length| g.binary("Sub", length, &one, &hint("gaps")));
        let inner = g.binary("Div", &pixels, &steps, &hint("inner"));
        let alone = g.binary("Div", &source, &target, &hint("alone"));
        let several = g.compare("Greater", &target, &one, &hint("several"));
        let step = g.choose(&several, &inner, &alone, &hint("step"));
        let length = g.size(to);
        let indices = sampling::range(g, &length, Element::F32, &hint("indices"));
        g.binary("Mul", &indices, &step, name)
    })
}

/// The shares of source pixels, `[to, from]`.
pub fn shares(g: &mut Graph, from: Dim, to: Dim) -> Value {
    let positions = positions(g, from, to);
    let source = g.size(from);
    sampling::shares(g, &positions, &source, &format!("corners.{from}.shares"))
}

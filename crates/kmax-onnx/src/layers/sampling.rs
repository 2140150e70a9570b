//! Resizing as matrix products: for sample positions that are known when the file runs only.

use crate::graph::{Constant, Element, Graph, Value};

/// `0, 1, 2 …` up to a length, which is `[1]` of int64.
pub fn range(g: &mut Graph, length: &Value, element: Element, name: &str) -> Value {
    let end = g.unary("Squeeze", length, &format!("{name}.length"));
    let (zero, one) = (g.constant(Constant::integer(0)), g.constant(Constant::integer(1)));
    let range = g.node("Range", &[&zero, &end, &one], Vec::new(), Element::I64, &format!("{name}.indices"));
    g.cast(&range, element, name)
}

/// For `positions` along an axis of length `source` (`[1]` of int64), the shares of its pixels: `[positions, source]`, each the
/// two neighbours by their nearness.
pub fn shares(g: &mut Graph, positions: &Value, source: &Value, name: &str) -> Value {
    let hint = |part: &str| format!("{name}.{part}");
    let pixels = range(g, source, positions.element, &hint("pixels"));
    let axis = g.constant(Constant::integers(&[1]));
    let column = g.node("Unsqueeze", &[positions, &axis], Vec::new(), positions.element, &hint("column"));
    let apart = g.binary("Sub", &column, &pixels, &hint("difference"));
    let apart = g.unary("Abs", &apart, &hint("distance"));
    let one = g.number(&apart, 1.0);
    let share = g.binary("Sub", &one, &apart, &hint("nearness"));
    g.unary("Relu", &share, name)
}

/// The maps `[.., h, w]` times a matrix `[height, h]` from the left and the transpose of one `[width, w]` from the right.
pub fn mix(g: &mut Graph, x: &Value, rows: &Value, columns: &Value, name: &str) -> Value {
    let rows = g.cast(rows, x.element, &format!("{name}.rows"));
    let columns = g.transpose(columns, &[1, 0], &format!("{name}.turned"));
    let columns = g.cast(&columns, x.element, &format!("{name}.columns"));
    let wide = g.binary("MatMul", x, &columns, &format!("{name}.wide"));
    g.binary("MatMul", &rows, &wide, name)
}

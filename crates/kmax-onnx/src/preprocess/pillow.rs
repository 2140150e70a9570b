//! Pillow's bilinear resize of 8-bit images (`kmax_transforms::pillow`), bit for bit.
//!
//! Pillow's weights are whole numbers of 2^-22. Each is cut in two halves of 11 bits, whose sums over pixels are whole numbers that
//! single precision holds, as long as an image shrinks to no less than a sixteenth; of larger ones a sum may be one short in its last bit.

use crate::frame::{CONTENT, IMAGE};
use crate::graph::{Constant, Dim, Element, Graph, Value};
use crate::layers::sampling;

/// Fraction bits of a weight.
const BITS: i32 = 22;
/// Bits of half a weight.
const HALF: i32 = BITS / 2;

/// `planes` `[3, image_height, image_width]` in the size of the content. Along x first, then along y, each rounded to 8 bits.
pub fn resize(g: &mut Graph, planes: &Value) -> Value {
    let columns = weights(g, IMAGE[1], CONTENT[1], "pillow.columns");
    let columns = columns.map(|half| g.transpose(&half, &[1, 0], "pillow.columns.turned"));
    let parts = columns.map(|half| g.binary("MatMul", planes, &half, "pillow.wide.part"));
    let wide = joined(g, parts, "pillow.wide");
    let rows = weights(g, IMAGE[0], CONTENT[0], "pillow.rows");
    let parts = rows.map(|half| g.binary("MatMul", &half, &wide, "pillow.tall.part"));
    joined(g, parts, "pillow.tall")
}

/// The upper and the lower half of the weights of one axis, `[to, from]` of whole numbers in single precision.
fn weights(g: &mut Graph, from: Dim, to: Dim, name: &str) -> [Value; 2] {
    let hint = |part: &str| format!("{name}.{part}");
    let (source, target) = (g.size(from), g.size(to));
    let lengths = [&source, &target].map(|length| g.cast(length, Element::F64, &hint("length")));
    let scale = g.binary("Div", &lengths[0], &lengths[1], &hint("scale"));
    let (one, half) = (g.number(&scale, 1.0), g.number(&scale, 0.5));
    let support = g.binary("Max", &scale, &one, &hint("support"));
    let inverse = g.binary("Div", &one, &support, &hint("inverse"));
    let centers = sampling::range(g, &target, Element::F64, &hint("indices"));
    let centers = g.binary("Add", &centers, &half, &hint("middle"));
    let centers = g.binary("Mul", &centers, &scale, &hint("centers"));
    let axis = g.constant(Constant::integers(&[1]));
    let centers = g.node("Unsqueeze", &[&centers, &axis], Vec::new(), Element::F64, &hint("column"));
    let pixels = sampling::range(g, &source, Element::F64, &hint("pixels"));
    let apart = g.binary("Sub", &pixels, &centers, &hint("difference"));
    let apart = g.binary("Add", &apart, &half, &hint("apart"));
    let apart = g.binary("Mul", &apart, &inverse, &hint("scaled"));
    let apart = g.unary("Abs", &apart, &hint("distance"));
    let nearness = g.binary("Sub", &one, &apart, &hint("nearness"));
    let raw = g.unary("Relu", &nearness, &hint("raw"));
    let total = g.sum(&raw, 1, true, &hint("total"));
    let share = g.binary("Div", &raw, &total, &hint("share"));
    let unit = g.number(&share, f64::from(1 << BITS));
    let share = g.binary("Mul", &share, &unit, &hint("units"));
    let share = g.binary("Add", &share, &half, &hint("rounding"));
    let fixed = g.unary("Floor", &share, &hint("fixed"));
    let step = g.number(&fixed, f64::from(1 << HALF));
    let upper = g.binary("Div", &fixed, &step, &hint("quotient"));
    let upper = g.unary("Floor", &upper, &hint("upper"));
    let whole = g.binary("Mul", &upper, &step, &hint("upper.units"));
    let lower = g.binary("Sub", &fixed, &whole, &hint("lower"));
    [upper, lower].map(|half| g.cast(&half, Element::F32, &hint("half")))
}

/// `(upper * 2^11 + lower + 2^21) >> 22`, without a number that single precision does not hold.
fn joined(g: &mut Graph, [upper, lower]: [Value; 2], name: &str) -> Value {
    let hint = |part: &str| format!("{name}.{part}");
    let step = g.number(&lower, f64::from(1 << HALF));
    let carry = g.binary("Div", &lower, &step, &hint("lower"));
    let carry = g.unary("Floor", &carry, &hint("carry"));
    let sum = g.binary("Add", &upper, &carry, &hint("sum"));
    let half = g.number(&lower, f64::from(1 << (HALF - 1)));
    let sum = g.binary("Add", &sum, &half, &hint("rounding"));
    let sum = g.binary("Div", &sum, &step, &hint("quotient"));
    g.unary("Floor", &sum, &hint("value"))
}

//! A map resized by nearest pixel with aligned corners (`kmax_transforms::resize::nearest`).

use crate::graph::{Constant, Dim, Element, Graph, Value};
use crate::preprocess::corners::positions;

/// `map` `[h, w]` of the size `from` in the size `to`; halves go up.
pub fn resize(g: &mut Graph, map: &Value, from: [Dim; 2], to: [Dim; 2]) -> Value {
    let mut map = map.clone();
    for axis in 0..2 {
        let picks = picks(g, from[axis], to[axis]);
        map = g.gather(&map, &picks, axis as i64, "segments.nearest");
    }
    map
}

fn picks(g: &mut Graph, from: Dim, to: Dim) -> Value {
    let hint = |part: &str| format!("nearest.{from}.{to}.{part}");
    let positions = positions(g, from, to);
    // Not the sum with 1/2, which may round up.
    let below = g.unary("Floor", &positions, &hint("below"));
    let rest = g.binary("Sub", &positions, &below, &hint("rest"));
    let half = g.number(&rest, 0.5);
    let up = g.compare("GreaterOrEqual", &rest, &half, &hint("up"));
    let up = g.cast(&up, Element::F32, &hint("step"));
    let picks = g.binary("Add", &below, &up, &hint("picks"));
    let picks = g.cast(&picks, Element::I64, &hint("whole"));
    let length = g.size(from);
    let one = g.constant(Constant::integers(&[1]));
    let last = g.binary("Sub", &length, &one, &hint("last"));
    g.binary("Min", &picks, &last, &hint("within"))
}

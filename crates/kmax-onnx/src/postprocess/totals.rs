//! Counting pixels and adding up probabilities.

use crate::graph::{Element, Graph, Value};

/// Where queries claim pixels.
pub struct Claims {
    /// `[queries, h, w]` of truth values.
    pub claims: Value,
    /// `[queries]` of doubles: pixels.
    pub counts: Value,
    /// `[queries]`: the mean probability there, 0 of nothing.
    pub means: Value,
}

/// The claims to `probabilities` `[queries, h, w]` above the threshold.
pub fn claims(g: &mut Graph, probabilities: &Value, threshold: f32, name: &str) -> Claims {
    let threshold = g.number(probabilities, f64::from(threshold));
    let claims = g.compare("Greater", probabilities, &threshold, &format!("{name}.claims"));
    of(g, claims, probabilities, name)
}

/// Counts and means of claims.
pub fn of(g: &mut Graph, claims: Value, probabilities: &Value, name: &str) -> Claims {
    let hint = |part: &str| format!("{name}.{part}");
    let ones = g.cast(&claims, Element::F32, &hint("ones"));
    let counts = added(g, &ones, &hint("counts"));
    let taken = g.binary("Mul", probabilities, &ones, &hint("taken"));
    let sums = added(g, &taken, &hint("sums"));
    let one = g.number(&counts, 1.0);
    let divisor = g.binary("Max", &counts, &one, &hint("divisor"));
    let means = g.binary("Div", &sums, &divisor, &hint("means.double"));
    let means = g.cast(&means, Element::F32, &hint("means"));
    Claims { claims, counts, means }
}

/// The sum over the last two axes, in doubles. Rows are short enough for single precision.
fn added(g: &mut Graph, x: &Value, name: &str) -> Value {
    let rows = g.sum(x, -1, false, &format!("{name}.rows"));
    let rows = g.cast(&rows, Element::F64, &format!("{name}.double"));
    g.sum(&rows, -1, false, name)
}

/// Pixels of a mask `[h, w]` of truth values, as a double without an axis.
pub fn count(g: &mut Graph, mask: &Value, name: &str) -> Value {
    let ones = g.cast(mask, Element::F32, &format!("{name}.ones"));
    added(g, &ones, name)
}

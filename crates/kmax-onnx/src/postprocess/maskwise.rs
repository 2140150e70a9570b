//! Masks laid down one after the other.

use super::Assignment;
use super::classes::Best;
use super::loop_body::{self, Ranked};
use super::masks;
use super::totals;
use crate::graph::{Attribute, Constant, Element, Graph, Map, Value};
use kmax_model::PostprocessConfig;

/// Lays the masks down from the most to the least confident. They are scored where they are laid down, or in `scored`.
pub fn assign(
    g: &mut Graph,
    settings: &PostprocessConfig,
    masks: &Map,
    scored: Option<&Map>,
    best: &Best,
) -> Assignment {
    let queries = masks.channels;
    let mut probabilities = |masks: &Map, name: &str| {
        let logits = masks::of_one_image(g, masks, name);
        let probabilities = masks::probabilities(g, &logits, name);
        totals::claims(g, &probabilities, settings.pixel_threshold, name)
    };
    let claims = probabilities(masks, "masks");
    let means = match scored {
        Some(small) => probabilities(small, "small_masks").means,
        None => claims.means.clone(),
    };
    let class_part = power(g, &best.score, settings.reorder_class_weight);
    let mask_part = power(g, &means, settings.reorder_mask_weight);
    let order = g.binary("Mul", &class_part, &mask_part, "order");
    let count = g.constant(Constant::integers(&[queries as i64]));
    let ranks =
        g.nodes("TopK", &[&order, &count], Vec::new(), &[(Element::F32, "ranked"), (Element::I64, "ranks")]);
    let ranks = ranks[1].clone();
    let mut ranked = |value: &Value, name: &str| g.gather(value, &ranks, 0, name);
    let classes = ranked(&best.class, "ranked.classes");
    let confident = ranked(&best.confident, "ranked.confident");
    let counts = ranked(&claims.counts, "ranked.counts");
    let class_scores = ranked(&best.score, "ranked.class_scores");
    let mask_scores = ranked(&means, "ranked.mask_scores");
    let scores = g.binary("Mul", &class_scores, &mask_scores, "ranked.scores");
    let claims = g.gather(&claims.claims, &ranks, 0, "ranked.claims");

    let ranked = Ranked { claims: &claims, counts: &counts, confident: &confident };
    let body = loop_body::lay_down(g, &ranked, settings.overlap_threshold);
    let empty = empty_map(g, &claims);
    let trips = g.constant(Constant::integer(queries as i64));
    let always = g.constant(Constant::floats(Element::Bool, &[], &[1.0]));
    let outputs = [(Element::I32, "assignment.map"), (Element::F64, "assignment.areas")];
    let laid = g.nodes("Loop", &[&trips, &always, &empty], vec![("body", Attribute::Graph(body))], &outputs);
    Assignment { map: laid[0].clone(), areas: laid[1].clone(), classes, scores }
}

/// `x` to a power that is known.
fn power(g: &mut Graph, x: &Value, exponent: f32) -> Value {
    if exponent == 1.0 {
        return x.clone();
    }
    let exponent = g.number(x, f64::from(exponent));
    g.binary("Pow", x, &exponent, "order.power")
}

/// A map of zeros, of int32, in the size of `masks` `[queries, h, w]`.
fn empty_map(g: &mut Graph, masks: &Value) -> Value {
    let range = vec![("start", Attribute::Int(1)), ("end", Attribute::Int(3))];
    let size = g.node("Shape", &[masks], range, Element::I64, "assignment.size");
    let zero = g.constant(Constant::floats(Element::I32, &[], &[0.0]));
    g.node("Expand", &[&zero, &size], Vec::new(), Element::I32, "assignment.empty")
}

//! Each pixel to its most probable query (MaX-DeepLab).

use super::Assignment;
use super::classes::Best;
use super::masks::queries_last;
use super::totals;
use crate::graph::{Constant, Element, Graph, Map};
use kmax_model::PostprocessConfig;

/// Below every logit, and a number: what a query has that takes no part.
const NOTHING: f64 = -1e30;

/// Only queries of a confident class have a probability; a pixel that another query holds, or whose probability is not above the
/// threshold, goes to nobody.
pub fn assign(g: &mut Graph, settings: &PostprocessConfig, masks: &Map, best: &Best) -> Assignment {
    let queries = masks.channels;
    let logits = queries_last(g, masks, "masks");
    let nothing = g.number(&logits, NOTHING);
    let active = g.choose(&best.confident, &logits, &nothing, "masks.active");
    let probabilities = g.softmax(&active, 2, "masks.probabilities");
    let [overall, among_active] = [&logits, &active].map(|x| g.reduce("ReduceMax", x, 2, true, "masks.most"));
    let holds = g.compare("Equal", &overall, &among_active, "masks.holds");
    let confidence = g.reduce("ReduceMax", &probabilities, 2, true, "masks.confidence");
    let threshold = g.number(&confidence, f64::from(settings.pixel_threshold));
    let sure = g.compare("Greater", &confidence, &threshold, "masks.sure");
    let sure = g.compare("And", &sure, &holds, "masks.assigned");
    let winner = g.argmax(&active, 2, true, "masks.winner");
    let indices: Vec<f64> = (0..queries).map(|query| query as f64).collect();
    let indices = g.constant(Constant::floats(Element::I64, &[queries], &indices));
    let mine = g.compare("Equal", &winner, &indices, "masks.mine");
    let claims = g.compare("And", &mine, &sure, "masks.claims");
    let totals = totals::of(g, claims, &probabilities, "masks");

    let one = g.constant(Constant::integer(1));
    let zero = g.constant(Constant::integer(0));
    let id = g.binary("Add", &winner, &one, "assignment.id");
    let id = g.choose(&sure, &id, &zero, "assignment.wide");
    let axis = g.constant(Constant::integers(&[2]));
    let id = g.node("Squeeze", &[&id, &axis], Vec::new(), Element::I64, "assignment.flat");
    let map = g.cast(&id, Element::I32, "assignment.map");
    let scores = g.binary("Mul", &best.score, &totals.means, "assignment.scores");
    Assignment { map, classes: best.class.clone(), scores, areas: totals.counts }
}

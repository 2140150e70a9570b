//! Each pixel to its most probable query (MaX-DeepLab).

use super::Assignment;
use super::classes::Best;
use super::masks;
use super::totals;
use crate::graph::{Constant, Element, Graph, Map};
use kmax_model::PostprocessConfig;

/// Below every logit, and a number: what a query has that takes no part.
const NOTHING: f64 = -1e30;

/// Only queries of a confident class have a probability; a pixel that another query holds, or whose probability is not above the
/// threshold, goes to nobody.
pub fn assign(g: &mut Graph, settings: &PostprocessConfig, resized: &Map, best: &Best) -> Assignment {
    let queries = resized.channels;
    let logits = masks::of_one_image(g, resized, "masks");
    let nothing = g.number(&logits, NOTHING);
    let axes = g.constant(Constant::integers(&[1, 2]));
    let confident =
        g.node("Unsqueeze", &[&best.confident, &axes], Vec::new(), Element::Bool, "masks.confident");
    let active = g.choose(&confident, &logits, &nothing, "masks.active");
    let probabilities = masks::probabilities(g, &active, "masks");
    let [overall, among_active] =
        [&logits, &active].map(|x| g.reduce("ReduceMax", x, 0, true, "masks.largest"));
    let holds = g.compare("Equal", &overall, &among_active, "masks.holds");
    let confidence = g.reduce("ReduceMax", &probabilities, 0, true, "masks.confidence");
    let threshold = g.number(&confidence, f64::from(settings.pixel_threshold));
    let sure = g.compare("Greater", &confidence, &threshold, "masks.sure");
    let sure = g.compare("And", &sure, &holds, "masks.assigned");
    let winner = g.argmax(&active, 0, true, "masks.winner");
    let indices: Vec<f64> = (0..queries).map(|query| query as f64).collect();
    let indices = g.constant(Constant::floats(Element::I64, &[queries, 1, 1], &indices));
    let mine = g.compare("Equal", &winner, &indices, "masks.mine");
    let claims = g.compare("And", &mine, &sure, "masks.claims");
    let totals = totals::of(g, claims, &probabilities, "masks");

    let one = g.constant(Constant::integer(1));
    let zero = g.constant(Constant::integer(0));
    let id = g.binary("Add", &winner, &one, "assignment.id");
    let id = g.choose(&sure, &id, &zero, "assignment.wide");
    let axis = g.constant(Constant::integers(&[0]));
    let id = g.node("Squeeze", &[&id, &axis], Vec::new(), Element::I64, "assignment.flat");
    let map = g.cast(&id, Element::I32, "assignment.map");
    let scores = g.binary("Mul", &best.score, &totals.means, "assignment.scores");
    Assignment { map, classes: best.class.clone(), scores, areas: totals.counts }
}

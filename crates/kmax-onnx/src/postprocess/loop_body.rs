//! One mask laid down: what a loop does once for each rank.

use super::totals;
use crate::graph::{Constant, Dim, Element, Graph, Value, described};
use crate::proto::GraphMessage;

/// What the loop reads, by rank.
pub struct Ranked<'a> {
    /// `[queries, h, w]` of truth values.
    pub claims: &'a Value,
    /// `[queries]` of doubles.
    pub counts: &'a Value,
    /// `[queries]` of truth values.
    pub confident: &'a Value,
}

/// The map so far goes in and out; the area that the mask got comes out as well. A mask is dropped if it is not confident, or if
/// no more of its pixels than the share `overlap` is free.
pub fn lay_down(g: &mut Graph, ranked: &Ranked, overlap: f32) -> GraphMessage {
    let zero = g.constant(Constant::floats(Element::I32, &[], &[0.0]));
    let nothing = g.constant(Constant::float(Element::F64, 0.0));
    let one = g.constant(Constant::integer(1));
    let overlap = g.constant(Constant::float(Element::F32, f64::from(overlap)));
    g.body("lay_down", |g| {
        let rank = g.input("rank", Element::I64);
        let go_on = g.input("go_on", Element::Bool);
        let map = g.input("map_so_far", Element::I32);
        let claim = g.gather(ranked.claims, &rank, 0, "rank.claim");
        let free = g.compare("Equal", &map, &zero, "rank.free");
        let free = g.compare("And", &claim, &free, "rank.free_claim");
        let left = totals::count(g, &free, "rank.left");
        let whole = g.gather(ranked.counts, &rank, 0, "rank.whole");
        // In single precision, as both reference implementations count: a mask with exactly the share left is dropped.
        let single = g.cast(&left, Element::F32, "rank.left.single");
        let whole = g.cast(&whole, Element::F32, "rank.whole.single");
        let least = g.binary("Mul", &whole, &overlap, "rank.least");
        let enough = g.compare("Greater", &single, &least, "rank.enough");
        let confident = g.gather(ranked.confident, &rank, 0, "rank.confident");
        let stays = g.compare("And", &enough, &confident, "rank.stays");
        let taken = g.compare("And", &free, &stays, "rank.taken");
        let id = g.binary("Add", &rank, &one, "rank.id.wide");
        let id = g.cast(&id, Element::I32, "rank.id");
        let after = g.choose(&taken, &id, &map, "map_after");
        let area = g.choose(&stays, &left, &nothing, "rank.area");
        let go_on_after = g.output(&go_on, "go_on_after");
        let size = [Dim::free("mask_height"), Dim::free("mask_width")];
        let inputs = vec![described(&rank, &[], ""), described(&go_on, &[], ""), described(&map, &size, "")];
        let outputs =
            vec![described(&go_on_after, &[], ""), described(&after, &size, ""), described(&area, &[], "")];
        (inputs, outputs)
    })
}

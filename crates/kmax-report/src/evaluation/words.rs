//! The errors of an image in words.

use std::cmp::Reverse;

use kmax_masks::{Categories, Panoptic};
use kmax_metrics::panoptic::errors::{Flaw, Flaws, Kind};
use kmax_metrics::render::List;

use super::{Pair, draw};

/// More errors than this on a side are counted only.
const SHOWN: usize = 8;
/// Longer names are cut: they come from files.
const NAME: usize = 60;

/// What was missed and what was invented, the largest first.
pub(super) fn lists(pair: &Pair, flaws: &Flaws, categories: &Categories) -> Vec<List> {
    let class = |side: &Panoptic, id: Option<u32>| {
        let segment = id.and_then(|id| side.segment(id));
        let category = segment.and_then(|segment| categories.get(segment.category_id));
        category.map_or("something".to_owned(), |category| short(&category.name))
    };
    let (truth, prediction) = (&pair.truth, &pair.prediction);
    let told = |flaw: &Flaw| (class(truth, Some(flaw.id)), missed(flaw.kind, &class(prediction, flaw.with)));
    let missed = list("Missed", draw::MISSED, truth, &flaws.missed, told);
    let told =
        |flaw: &Flaw| (class(prediction, Some(flaw.id)), invented(flaw.kind, &class(truth, flaw.with)));
    let invented = list("Invented", draw::INVENTED, prediction, &flaws.invented, told);
    vec![missed, invented]
}

/// The errors of one side; `told` gives the class of one and what is to be said of it.
fn list(
    heading: &str,
    color: [u8; 3],
    side: &Panoptic,
    flaws: &[Flaw],
    told: impl Fn(&Flaw) -> (String, String),
) -> List {
    let areas = Areas::of(side);
    let mut order: Vec<&Flaw> = flaws.iter().collect();
    order.sort_by_key(|flaw| (Reverse(areas.pixels(flaw.id)), flaw.id));
    let item = |flaw: &&Flaw| {
        let (class, what) = told(flaw);
        format!("{class} ({}): {what}", areas.share(flaw.id))
    };
    let mut items: Vec<String> = order.iter().take(SHOWN).map(item).collect();
    if order.len() > SHOWN {
        items.push(format!("and {} smaller", order.len() - SHOWN));
    }
    if items.is_empty() {
        items.push("nothing".to_owned());
    }
    List { heading: format!("{heading} ({})", flaws.len()), color, items }
}

/// How many pixels each id of a map has. The areas of a ground truth's list need not be its map's.
struct Areas {
    extents: Vec<(u32, kmax_masks::Extent)>,
    all: usize,
}

impl Areas {
    fn of(side: &Panoptic) -> Self {
        Self { extents: side.map.extents(), all: side.map.data().len() }
    }

    fn pixels(&self, id: u32) -> u64 {
        let at = self.extents.binary_search_by_key(&id, |(id, _)| *id);
        at.map_or(0, |at| self.extents[at].1.area)
    }

    fn share(&self, id: u32) -> String {
        format!("{:.1} %", 100.0 * self.pixels(id) as f64 / self.all.max(1) as f64)
    }
}

/// What is said of a missed segment; `other` is the class of the prediction that explains it.
fn missed(kind: Kind, other: &str) -> String {
    match kind {
        Kind::Class => format!("taken for {other}"),
        Kind::Split => "found in pieces".to_owned(),
        Kind::Merged => "found as one with another".to_owned(),
        Kind::Mask => "found with a poor mask".to_owned(),
        _ => "not found".to_owned(),
    }
}

/// What is said of an invented segment; `other` is the class of the segment that explains it.
fn invented(kind: Kind, other: &str) -> String {
    match kind {
        Kind::Class => format!("is {other}"),
        Kind::Split => "a piece of a larger one".to_owned(),
        Kind::Merged => "several in one".to_owned(),
        Kind::Mask => "a poor mask".to_owned(),
        _ => "none is there".to_owned(),
    }
}

fn short(name: &str) -> String {
    match name.char_indices().nth(NAME) {
        Some((at, _)) => format!("{}…", &name[..at]),
        None => name.to_owned(),
    }
}

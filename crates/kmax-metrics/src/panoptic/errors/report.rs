//! What the errors of a set cost.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use kmax_masks::{Categories, Category};
use serde::Serialize;

use super::{Counts, Kind, Mend, Sums};
use crate::images::Images;
use crate::render::{ErrorClass, ErrorRow, ErrorTable};
use crate::serialise::{mean, object};

/// How often a kind of error occurs, and what mending it would bring.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct KindErrors {
    /// The kind.
    pub kind: Kind,
    /// Segments of the ground truth without a match.
    #[serde(rename = "fn")]
    pub fn_: u64,
    /// Predicted segments without one.
    pub fp: u64,
    /// What PQ would gain, 0..1; `None` where nothing would be left to measure.
    pub gain: Option<f64>,
}

/// The errors of one class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassErrors {
    /// The class's name.
    pub name: String,
    /// Its panoptic quality as it is, 0..1.
    pub pq: f64,
    /// The kinds in the order of [`Kind::ALL`]; gains are those of this class's PQ.
    pub kinds: Vec<KindErrors>,
}

/// Errors by kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ErrorReport {
    /// Panoptic quality as it is: the mean over the classes, 0..1.
    pub pq: Option<f64>,
    /// Every kind, what brings most first.
    pub kinds: Vec<KindErrors>,
    /// Every class with a match or an error, by category id, in the order of the categories.
    #[serde(serialize_with = "object")]
    pub per_class: Vec<(u32, ClassErrors)>,
}

/// Counts without the errors that are mended.
fn mended(counts: Counts, mend: Mend) -> Counts {
    Counts {
        iou: counts.iou + mend.iou,
        tp: counts.tp + mend.tp,
        fp: counts.fp - mend.fp,
        fn_: counts.fn_ - mend.fn_,
    }
}

/// The mean PQ of the classes that count.
fn quality(classes: impl Iterator<Item = Counts>) -> Option<f64> {
    mean(classes.filter(|counts| !counts.is_empty()).map(|counts| counts.pq()))
}

pub(super) fn report(categories: &Categories, images: &Images<Sums>) -> ErrorReport {
    let (mut totals, mut mends) = (BTreeMap::<u32, Counts>::new(), BTreeMap::<(Kind, u32), Mend>::new());
    for image in images.values() {
        for (&class, &counts) in &image.counts {
            *totals.entry(class).or_default() += counts;
        }
        for (&key, &mend) in &image.mends {
            *mends.entry(key).or_default() += mend;
        }
    }
    let mut all = Counts::default();
    totals.values().for_each(|&counts| all += counts);
    for ((_, class), mend) in mends.iter_mut().filter(|((kind, _), _)| *kind == Kind::Mask) {
        let of_class = totals.get(class).filter(|counts| counts.tp > 0).map(Counts::sq);
        let usual = of_class.unwrap_or(if all.tp > 0 { all.sq() } else { 1.0 });
        mend.iou = mend.tp as f64 * usual;
    }
    let mend = |kind: Kind, class: u32| mends.get(&(kind, class)).copied().unwrap_or_default();

    // In the order of the categories, so that the mean is that of the panoptic report to the last bit.
    let classes: Vec<(&Category, Counts)> =
        categories.iter().filter_map(|category| Some((category, *totals.get(&category.id)?))).collect();
    let pq = quality(classes.iter().map(|(_, counts)| *counts));
    let of_all = |kind: Kind| {
        let of_kind = || classes.iter().map(|(class, _)| mend(kind, class.id));
        let after = quality(classes.iter().map(|(class, counts)| mended(*counts, mend(kind, class.id))));
        KindErrors {
            kind,
            fn_: of_kind().map(|mend| mend.fn_).sum(),
            fp: of_kind().map(|mend| mend.fp).sum(),
            gain: after.zip(pq).map(|(after, before)| after - before),
        }
    };
    let of_class = |kind: Kind, class: u32, counts: Counts| {
        let mend = mend(kind, class);
        let after = mended(counts, mend);
        let gain = (!after.is_empty()).then(|| after.pq() - counts.pq());
        KindErrors { kind, fn_: mend.fn_, fp: mend.fp, gain }
    };
    let mut kinds = Kind::ALL.map(of_all).to_vec();
    kinds.sort_by(|a, b| {
        let errors = |kind: &KindErrors| Reverse(kind.fn_ + kind.fp);
        let gain = |kind: &KindErrors| kind.gain.unwrap_or(f64::NEG_INFINITY);
        gain(b).total_cmp(&gain(a)).then(errors(a).cmp(&errors(b)))
    });
    let per_class = classes.iter().map(|&(category, counts)| {
        let kinds = Kind::ALL.map(|kind| of_class(kind, category.id, counts)).to_vec();
        (category.id, ClassErrors { name: category.name.clone(), pq: counts.pq(), kinds })
    });
    ErrorReport { pq, kinds, per_class: per_class.collect() }
}

impl ErrorReport {
    /// What a page shows of it: the classes that have most to gain come first.
    pub(crate) fn table(&self) -> ErrorTable {
        let row = |found: &KindErrors| ErrorRow {
            name: found.kind.name(),
            meaning: found.kind.meaning(),
            missed: found.fn_,
            invented: found.fp,
            gain: found.gain,
        };
        let of_class = |(_, class): &(u32, ClassErrors)| ErrorClass {
            name: class.name.clone(),
            kinds: self
                .kinds
                .iter()
                .filter_map(|wanted| class.kinds.iter().find(|kind| kind.kind == wanted.kind))
                .map(|kind| (kind.fn_ + kind.fp, kind.gain))
                .collect(),
        };
        let mut classes: Vec<ErrorClass> = self.per_class.iter().map(of_class).collect();
        classes.retain(|class| class.kinds.iter().any(|(count, _)| *count > 0));
        let gains = |class: &ErrorClass| class.kinds.iter().filter_map(|(_, gain)| *gain).sum::<f64>();
        classes.sort_by(|a, b| gains(b).total_cmp(&gains(a)));
        ErrorTable { rows: self.kinds.iter().map(row).collect(), classes }
    }
}

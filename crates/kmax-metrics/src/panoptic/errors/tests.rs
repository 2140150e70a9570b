use kmax_masks::Panoptic;
use proptest::prelude::*;

use super::*;
use crate::PanopticQuality;
// One row of ids; ids from 10 on are of class 2, those below of class 1, 0 is void.
use crate::panoptic::tests::{categories, image};

fn report(truth: &Panoptic, prediction: &Panoptic) -> ErrorReport {
    let mut errors = PanopticErrors::new(categories());
    errors.add(1.into(), truth, prediction).unwrap();
    errors.report()
}

fn flaws(truth: &Panoptic, prediction: &Panoptic) -> Flaws {
    PanopticErrors::new(categories()).compare(truth, prediction).unwrap().1.flaws
}

/// The kinds that occur, with false negatives, false positives and gain.
fn kinds(truth: &[u32], prediction: &[u32]) -> Vec<(Kind, u64, u64, Option<f64>)> {
    let report = report(&image(truth), &image(prediction));
    let found = report.kinds.iter().filter(|kind| kind.fn_ + kind.fp > 0);
    found.map(|kind| (kind.kind, kind.fn_, kind.fp, kind.gain)).collect()
}

#[test]
fn the_right_mask_with_the_wrong_class() {
    // Both classes had 0; mended, the class of the prediction is gone and the other has IoU 3/4.
    assert_eq!(kinds(&[1, 1, 1, 1], &[10, 10, 10, 0]), [(Kind::Class, 1, 1, Some(0.75))]);
    // An IoU of a half is not above it.
    let half = [(Kind::Missed, 1, 0, Some(0.0)), (Kind::Background, 0, 1, Some(0.0))];
    assert_eq!(kinds(&[1, 1, 1, 1], &[10, 10, 0, 0]), half);
}

#[test]
fn one_segment_found_in_pieces() {
    assert_eq!(kinds(&[1, 1, 1, 1], &[1, 1, 2, 2]), [(Kind::Split, 1, 2, Some(1.0))]);
    // A piece beside a match: 0.75 / 1.5 becomes 1.
    assert_eq!(kinds(&[1, 1, 1, 1], &[1, 1, 1, 2]), [(Kind::Split, 0, 1, Some(0.5))]);
    // Pieces that cover half are not enough: the larger has a poor mask, the other is too much.
    let poor = kinds(&[1, 1, 1, 1, 1, 1], &[1, 1, 2, 0, 0, 0]);
    assert_eq!(poor.iter().map(|kind| kind.0).collect::<Vec<_>>(), [Kind::Mask, Kind::Background]);
}

#[test]
fn several_segments_found_as_one() {
    assert_eq!(kinds(&[1, 1, 2, 2], &[1, 1, 1, 1]), [(Kind::Merged, 2, 1, Some(1.0))]);
    // One of them is matched with 3/4 and gets better, too.
    assert_eq!(kinds(&[1, 1, 1, 2], &[1, 1, 1, 1]), [(Kind::Merged, 1, 0, Some(0.5))]);
    // One that lies in it alone is no group.
    let alone = kinds(&[1, 1, 0, 10, 10, 10], &[1, 1, 1, 1, 1, 1]);
    assert!(alone.iter().all(|kind| kind.0 != Kind::Merged), "{alone:?}");
}

#[test]
fn a_poor_mask_becomes_as_good_as_the_others() {
    // Nothing is matched, so mending gives an IoU of 1.
    assert_eq!(kinds(&[1, 1, 1, 1], &[1, 1, 0, 0]), [(Kind::Mask, 1, 1, Some(1.0))]);
    // The other class's matches are what is known: IoU 2/3 for both, so that PQ goes from 1/3 to 2/3.
    let [(Kind::Mask, 1, 1, Some(gain))] = kinds(&[1, 1, 1, 1, 10, 10, 10], &[1, 1, 0, 0, 10, 10, 0])[..]
    else {
        panic!("one kind");
    };
    assert!((gain - 1.0 / 3.0).abs() < 1e-12, "{gain}");
    // The best pair first, and each segment once.
    let truth = image(&[1, 1, 1, 1, 1, 2, 2, 2]);
    let guess = image(&[0, 0, 0, 1, 1, 1, 0, 0]);
    let flaws = flaws(&truth, &guess);
    let found: Vec<_> = flaws.missed.iter().map(|flaw| (flaw.id, flaw.kind, flaw.with)).collect();
    assert_eq!(found, [(1, Kind::Mask, Some(1)), (2, Kind::Missed, None)]);
}

#[test]
fn the_rest_was_missed_or_invented() {
    assert_eq!(kinds(&[1, 1, 10], &[0, 0, 10]), [(Kind::Missed, 1, 0, Some(0.5))]);
    let mut few = [10; 20];
    few[3] = 1;
    let [(Kind::Background, 0, 1, Some(gain))] = kinds(&[10; 20], &few)[..] else { panic!("one kind") };
    // Of PQ 0 and 0.95 the first is left out.
    assert!((gain - 0.95 / 2.0).abs() < 1e-12, "{gain}");
    // Nothing would be left to measure.
    assert_eq!(kinds(&[1, 1], &[0, 0]), [(Kind::Missed, 1, 0, None)]);
    assert_eq!(kinds(&[1, 1], &[1, 1]), []);
}

#[test]
fn what_lies_on_void_is_no_error_but_explains_one() {
    let truth = [1, 1, 0, 0, 0, 0];
    assert_eq!(kinds(&truth, &[1, 0, 1, 1, 0, 0]), [(Kind::Mask, 1, 0, Some(1.0))]);
    assert_eq!(kinds(&truth, &[10, 10, 10, 10, 10, 10]), [(Kind::Class, 1, 0, Some(1.0))]);
    assert_eq!(kinds(&truth, &[1, 1, 2, 2, 2, 2]), []);
}

#[test]
fn kinds_are_sorted_by_what_they_bring_and_classes_told_apart() {
    let truth = image(&[1, 1, 1, 1, 10, 10, 11, 11]);
    let guess = image(&[0, 0, 0, 0, 10, 10, 12, 13]);
    let report = report(&truth, &guess);
    assert_eq!(report.kinds.len(), 6);
    assert_eq!((report.kinds[0].kind, report.kinds[0].fn_, report.kinds[0].fp), (Kind::Split, 1, 2));
    let gains: Vec<_> = report.kinds.iter().map(|kind| kind.gain.unwrap()).collect();
    assert!(gains.is_sorted_by(|a, b| a >= b), "{gains:?}");
    let [(1, person), (2, grass)] = &report.per_class[..] else { panic!("two classes") };
    assert_eq!(person.kinds[4], KindErrors { kind: Kind::Missed, fn_: 1, fp: 0, gain: None });
    assert_eq!(grass.kinds[1].gain, Some(1.0 - grass.pq));
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["kinds"][0]["kind"], "split");
    assert_eq!(json["per_class"]["1"]["kinds"][4]["fn"], 1);
}

#[test]
fn merging_refuses_what_does_not_belong_together() {
    let mut errors = PanopticErrors::new(categories());
    errors.add(1.into(), &image(&[1]), &image(&[1])).unwrap();
    assert!(errors.clone().merge(errors.clone()).is_err());
    assert!(errors.clone().merge(PanopticErrors::new(Categories::cityscapes())).is_err());
    assert!(errors.add(1.into(), &image(&[1]), &image(&[1])).is_err());
    let error = errors.add(2.into(), &image(&[1]), &image(&[1, 1])).unwrap_err();
    assert!(error.to_string().starts_with("image 2: "), "{error}");
}

/// An image whose first segments are crowds.
fn with_crowds(ids: &[u32], crowds: usize) -> Panoptic {
    let mut truth = image(ids);
    truth.segments.iter_mut().take(crowds).for_each(|segment| segment.iscrowd = true);
    truth
}

/// Rows in which segments are runs, as in images, with some noise: (ground truth, prediction).
fn rows(least: u32) -> impl Strategy<Value = (Vec<u32>, Vec<u32>)> {
    let run = (least..14u32, least..14u32, 1..6usize);
    prop::collection::vec(run, 1..14).prop_map(|runs| {
        let spread = |side: fn(&(u32, u32, usize)) -> u32| {
            runs.iter().flat_map(|run| std::iter::repeat_n(side(run), run.2)).collect()
        };
        (spread(|run| run.0), spread(|run| run.1))
    })
}

/// PQ over all classes of one image.
fn pq(truth: &Panoptic, prediction: &Panoptic) -> f64 {
    let mut quality = PanopticQuality::new(categories());
    quality.add(1.into(), truth, prediction).unwrap();
    quality.report().all.pq.unwrap_or(0.0)
}

proptest! {
    #[test]
    fn kinds_add_up_to_the_official_counts(
        images in prop::collection::vec((rows(0), 0..3usize), 1..6),
        cut in 0..6usize,
    ) {
        let mut quality = PanopticQuality::new(categories());
        let (mut all, mut parts) = (PanopticErrors::new(categories()), [
            PanopticErrors::new(categories()),
            PanopticErrors::new(categories()),
        ]);
        for (number, ((truth, guess), crowds)) in images.iter().enumerate() {
            let (truth, guess) = (with_crowds(truth, *crowds), image(guess));
            let id = ImageId::from(number as i64);
            quality.add(id.clone(), &truth, &guess).unwrap();
            let (counted, found) = all.compare(&truth, &guess).unwrap();
            prop_assert_eq!(&counted, &quality.compare(&truth, &guess).unwrap());
            // Every error has one kind.
            let totals = |side: fn(&Counts) -> u64| counted.classes.values().map(side).sum::<u64>() as usize;
            prop_assert_eq!(found.flaws.missed.len(), totals(|counts| counts.fn_));
            prop_assert_eq!(found.flaws.invented.len(), totals(|counts| counts.fp));
            prop_assert!(found.flaws.missed.is_sorted_by(|a, b| a.id < b.id));
            prop_assert!(found.flaws.invented.is_sorted_by(|a, b| a.id < b.id));
            parts[usize::from(number >= cut)].insert(id.clone(), found.clone()).unwrap();
            all.insert(id, found).unwrap();
        }
        let (official, report) = (quality.report(), all.report());
        prop_assert_eq!(report.pq, official.all.pq);
        for (id, class) in &report.per_class {
            let (_, expected) = official.per_class.iter().find(|(other, _)| other == id).unwrap();
            let sum = |side: fn(&KindErrors) -> u64| class.kinds.iter().map(side).sum::<u64>();
            prop_assert_eq!((sum(|kind| kind.fn_), sum(|kind| kind.fp)), (expected.fn_, expected.fp));
            prop_assert!(class.kinds.iter().all(|kind| kind.gain.is_none_or(|gain| gain >= 0.0)));
        }
        for kind in &report.kinds {
            prop_assert!(kind.gain.is_none_or(|gain| gain > -1e-12), "{:?}", kind);
        }
        let [left, right] = parts;
        prop_assert_eq!(right.merge(left).unwrap().report(), report);
    }
}

/// What one image's report says, and what the tests below change to see whether it is true. Without void nothing is excused.
struct Case {
    truth: Panoptic,
    guess: Panoptic,
    report: ErrorReport,
    flaws: Flaws,
}

impl Case {
    fn new((truth, guess): (Vec<u32>, Vec<u32>)) -> Self {
        let (truth, guess) = (image(&truth), image(&guess));
        let (report, flaws) = (report(&truth, &guess), flaws(&truth, &guess));
        Self { truth, guess, report, flaws }
    }

    fn class_of_truth(&self, id: u32) -> u32 {
        self.truth.segment(id).unwrap().category_id
    }

    /// Pixels of a segment of the ground truth, of a prediction, and of both.
    fn areas(&self, real: u32, guess: u32) -> [usize; 3] {
        let pairs = || self.truth.map.data().iter().zip(self.guess.map.data());
        [
            pairs().filter(|(t, _)| **t == real).count(),
            pairs().filter(|(_, g)| **g == guess).count(),
            pairs().filter(|(t, g)| (**t, **g) == (real, guess)).count(),
        ]
    }

    /// The prediction with other ids, in which 100 and what follows are segments of the class of that segment of the ground truth.
    fn redrawn(&self, id: impl Fn(u32, u32) -> u32) -> Panoptic {
        let pairs = self.truth.map.data().iter().zip(self.guess.map.data());
        let ids: Vec<u32> = pairs.map(|(&t, &g)| id(t, g)).collect();
        let map = kmax_masks::LabelMap::new(ids.len(), 1, ids).unwrap();
        Panoptic::from_map(map, |id| match id {
            100.. => (self.class_of_truth(id - 100), false),
            id => (self.guess.segment(id).unwrap().category_id, false),
        })
    }

    /// Whether a changed prediction is better by what mending the kind is said to bring.
    fn agrees(&self, mended: &Panoptic, kind: Kind) -> bool {
        let said = self.report.kinds.iter().find(|found| found.kind == kind).unwrap().gain.unwrap_or(0.0);
        (pq(&self.truth, mended) - pq(&self.truth, &self.guess) - said).abs() < 1e-12
    }
}

proptest! {
    #[test]
    fn the_right_class_brings_what_is_said(rows in rows(1)) {
        let case = Case::new(rows);
        let mut renamed = case.guess.clone();
        for flaw in case.flaws.invented.iter().filter(|flaw| flaw.kind == Kind::Class) {
            let segment = renamed.segments.iter_mut().find(|segment| segment.id == flaw.id).unwrap();
            segment.category_id = case.class_of_truth(flaw.with.unwrap());
        }
        prop_assert!(case.agrees(&renamed, Kind::Class));
    }

    #[test]
    fn uniting_brings_what_is_said(rows in rows(1)) {
        let case = Case::new(rows);
        let split = || case.flaws.invented.iter().filter(|flaw| flaw.kind == Kind::Split);
        let wholes: Vec<u32> = split().map(|flaw| flaw.with.unwrap()).collect();
        let united = case.redrawn(|_, id| {
            let class = case.guess.segment(id).unwrap().category_id;
            let lies_in = |whole: u32| {
                let [_, area, shared] = case.areas(whole, id);
                case.class_of_truth(whole) == class && 2 * shared > area
            };
            wholes.iter().find(|&&whole| lies_in(whole)).map_or(id, |whole| 100 + whole)
        });
        prop_assert!(case.agrees(&united, Kind::Split));
    }

    #[test]
    fn cutting_brings_what_is_said(rows in rows(1)) {
        let case = Case::new(rows);
        let missed = || case.flaws.missed.iter().filter(|flaw| flaw.kind == Kind::Merged);
        let merged: Vec<u32> = missed().map(|flaw| flaw.with.unwrap()).collect();
        // One that is a piece as well has that kind, and stays one too many.
        let pieces = case.flaws.invented.iter().filter(|flaw| flaw.kind == Kind::Split);
        prop_assume!(pieces.into_iter().all(|flaw| !merged.contains(&flaw.id)));
        let cut = case.redrawn(|real, id| {
            let [whole, _, shared] = case.areas(real, id);
            let class = case.guess.segment(id).unwrap().category_id;
            let part = case.class_of_truth(real) == class && 2 * shared > whole;
            if !merged.contains(&id) {
                id
            } else if part {
                100 + real
            } else {
                0
            }
        });
        prop_assert!(case.agrees(&cut, Kind::Merged));
    }
}

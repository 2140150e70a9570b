use kmax_masks::{Category, LabelMap};
use proptest::prelude::*;

use super::*;
use crate::error::Error;

/// Classes 1 (thing) and 2 (stuff).
pub(super) fn categories() -> Categories {
    let category = |id, isthing| Category {
        id,
        name: format!("class {id}"),
        isthing,
        color: [0; 3],
        supercategory: None,
    };
    Categories::new(vec![category(1, true), category(2, false)]).unwrap()
}

/// One row of ids; ids from 10 on are of class 2, those below of class 1.
pub(super) fn image(ids: &[u32]) -> Panoptic {
    let map = LabelMap::new(ids.len(), 1, ids.to_vec()).unwrap();
    Panoptic::from_map(map, |id| (if id >= 10 { 2 } else { 1 }, false))
}

fn counts(truth: &Panoptic, prediction: &Panoptic, class: u32) -> (f64, u64, u64, u64) {
    let found = PanopticQuality::new(categories()).compare(truth, prediction).unwrap();
    let counts = found.classes.get(&class).copied().unwrap_or_default();
    (counts.iou, counts.tp, counts.fp, counts.fn_)
}

#[test]
fn half_is_not_enough() {
    assert_eq!(counts(&image(&[1, 1]), &image(&[1, 0]), 1), (0.0, 0, 1, 1));
    assert_eq!(counts(&image(&[1, 1, 1]), &image(&[1, 1, 0]), 1), (2.0 / 3.0, 1, 0, 0));
}

#[test]
fn void_is_taken_off_the_union_and_excuses() {
    assert_eq!(counts(&image(&[1, 0, 0]), &image(&[1, 1, 1]), 1), (1.0, 1, 0, 0));
    // Half on void is not more than half.
    assert_eq!(counts(&image(&[11, 0]), &image(&[1, 1]), 1), (0.0, 0, 1, 0));
    assert_eq!(counts(&image(&[11, 0, 0]), &image(&[1, 1, 1]), 1), (0.0, 0, 0, 0));
}

#[test]
fn only_the_last_crowd_of_a_class_excuses() {
    let mut truth = image(&[1, 1, 2, 2]);
    for segment in &mut truth.segments {
        segment.iscrowd = true;
    }
    assert_eq!(counts(&truth, &image(&[0, 0, 3, 3]), 1), (0.0, 0, 0, 0));
    assert_eq!(counts(&truth, &image(&[3, 3, 0, 0]), 1), (0.0, 0, 1, 0));
}

#[test]
fn the_area_of_the_truth_is_its_files() {
    let mut truth = image(&[1, 1, 1]);
    truth.segments[0].area = 5;
    assert_eq!(counts(&truth, &image(&[1, 1, 1]), 1), (0.6, 1, 0, 0));
    truth.segments[0].area = 0;
    assert!(PanopticQuality::new(categories()).compare(&truth, &image(&[1, 1, 1])).is_err());
}

#[test]
fn predictions_are_checked() {
    let quality = PanopticQuality::new(categories());
    let truth = image(&[1, 10]);
    let error = |change: &dyn Fn(&mut Panoptic)| {
        let mut prediction = image(&[1, 10]);
        change(&mut prediction);
        quality.compare(&truth, &prediction).unwrap_err().to_string()
    };
    assert!(error(&|p| p.segments[0].category_id = 7).contains("predicted segment 1: unknown category_id 7"));
    assert!(error(&|p| p.segments[0].id = 3).contains("predicted segment 3: it is listed"));
    assert!(
        error(&|p| p.segments.truncate(p.segments.len() - 1))
            .contains("predicted segment 10: pixels have its id")
    );
    assert!(error(&|p| p.segments.push(p.segments[0].clone())).contains("listed twice"));
    assert!(error(&|p| p.map = LabelMap::filled(1, 2, 1).unwrap()).contains("sizes differ"));
    let mut unknown = truth.clone();
    unknown.segments[0].category_id = 9;
    let text = quality.compare(&unknown, &truth).unwrap_err().to_string();
    assert!(text.contains("ground truth segment 1"), "{text}");
}

#[test]
fn a_group_without_classes_has_no_mean() {
    let mut quality = PanopticQuality::new(categories());
    quality.add(1.into(), &image(&[1, 1]), &image(&[1, 1])).unwrap();
    let report = quality.report();
    assert_eq!((report.things.pq, report.stuff.pq, report.all.n), (Some(1.0), None, 1));
    assert!(report.table().contains("Stuff     |   nan    nan    nan     0"));
    assert!(matches!(quality.add(1.into(), &image(&[1]), &image(&[1])), Err(Error::DuplicateImage(_))));
}

proptest! {
    #[test]
    fn parts_in_any_order_make_the_whole(
        pairs in prop::collection::vec(prop::collection::vec((0..13u32, 0..13u32), 1..40), 1..12),
        cut in 0..12usize,
        swap in any::<bool>(),
    ) {
        let images: Vec<_> = pairs.iter().enumerate().map(|(number, pixels)| {
            let (truth, guess): (Vec<u32>, Vec<u32>) = pixels.iter().copied().unzip();
            (ImageId::from(number as i64), image(&truth), image(&guess))
        }).collect();
        let of = |part: &[(ImageId, Panoptic, Panoptic)]| {
            let mut quality = PanopticQuality::new(categories());
            for (id, truth, guess) in part.iter().rev() {
                quality.add(id.clone(), truth, guess).unwrap();
            }
            quality
        };
        let (left, right) = images.split_at(cut.min(images.len()));
        let (left, right) = (of(left), of(right));
        let merged = if swap { right.merge(left) } else { left.merge(right) }.unwrap();
        let whole = of(&images);
        prop_assert_eq!(merged.report(), whole.report());
        prop_assert_eq!(
            serde_json::to_string(&merged.report()).unwrap(),
            serde_json::to_string(&whole.report()).unwrap()
        );
        prop_assert!(merged.merge(of(&images[..1])).is_err());
    }

    #[test]
    fn a_perfect_prediction_scores_one(ids in prop::collection::vec(0..13u32, 1..60)) {
        let mut quality = PanopticQuality::new(categories());
        quality.add("a".into(), &image(&ids), &image(&ids)).unwrap();
        let report = quality.report();
        for (_, class) in report.per_class.iter().filter(|(_, class)| class.tp > 0) {
            prop_assert_eq!((class.pq, class.fp, class.fn_), (1.0, 0, 0));
        }
        prop_assert!(report.all.pq.is_none_or(|pq| pq == 1.0));
    }
}

use kmax_masks::LabelMap;
use proptest::prelude::*;

use super::*;

fn row(values: &[(u32, usize)]) -> LabelMap {
    let data: Vec<u32> = values.iter().flat_map(|&(value, run)| std::iter::repeat_n(value, run)).collect();
    LabelMap::new(data.len(), 1, data).unwrap()
}

fn ap50(truth: &LabelMap, predictions: &[(u32, f64, LabelMap)]) -> Option<f64> {
    let mut matcher = ImageMatcher::new(truth).unwrap();
    for (class, confidence, mask) in predictions {
        matcher.predict(*class, *confidence, mask).unwrap();
    }
    let mut metric = CityscapesInstances::new();
    metric.insert("a".into(), matcher.finish()).unwrap();
    metric.report().ap50
}

#[test]
fn a_match_is_above_the_threshold() {
    let truth = row(&[(26_000, 200), (7, 200)]);
    assert_eq!(ap50(&truth, &[(26, 0.9, row(&[(1, 100), (0, 300)]))]), Some(0.0));
    assert!(ap50(&truth, &[(26, 0.9, row(&[(1, 101), (0, 299)]))]).unwrap() > 0.5);
    assert_eq!(ap50(&truth, &[]), Some(0.0));
}

#[test]
fn small_objects_groups_and_other_classes_are_not_to_be_found() {
    assert_eq!(ap50(&row(&[(26_000, 99), (7, 1)]), &[]), None);
    assert_eq!(ap50(&row(&[(26_000, 100)]), &[]), Some(0.0));
    assert_eq!(ap50(&row(&[(26, 500)]), &[(26, 0.5, row(&[(1, 500)]))]), None);
    assert_eq!(ap50(&row(&[(29_000, 500)]), &[]), None);
}

#[test]
fn void_excuses_above_the_threshold_only() {
    let truth = row(&[(26_000, 200), (4, 100), (7, 100)]);
    let found = (26, 0.9, row(&[(1, 200), (0, 200)]));
    let alone = ap50(&truth, std::slice::from_ref(&found)).unwrap();
    let half = (26, 0.95, row(&[(0, 250), (1, 100), (0, 50)]));
    assert!(ap50(&truth, &[found.clone(), half]).unwrap() < alone);
    let more = (26, 0.95, row(&[(0, 249), (1, 100), (0, 51)]));
    assert_eq!(ap50(&truth, &[found, more]).unwrap(), alone);
}

#[test]
fn masks_are_checked() {
    let truth = row(&[(26_000, 10)]);
    let mut matcher = ImageMatcher::new(&truth).unwrap();
    assert!(matcher.predict(26, 0.5, &row(&[(1, 9)])).is_err());
    assert!(matcher.predict(34, 0.5, &row(&[(1, 10)])).is_err());
    assert!(matcher.predict(26, f64::NAN, &row(&[(1, 10)])).is_err());
    assert!(
        matcher.predict(7, 0.5, &row(&[(1, 10)])).is_ok()
            && matcher.predict(26, 0.5, &row(&[(0, 10)])).is_ok()
    );
    assert_eq!(matcher.finish().guesses, []);
    assert!(ImageMatcher::new(&row(&[(34_000, 1)])).is_err());
}

#[test]
fn a_class_that_is_only_predicted_is_zero() {
    let labels = row(&[(7, 3), (11, 1), (4, 5)]);
    let mut metric = CityscapesPixels::new();
    // Road, one pixel of it as a truck; building as an ignored class; the unlabelled as car.
    metric.add("a".into(), &labels, &labels, &row(&[(7, 2), (27, 1), (14, 1), (26, 5)])).unwrap();
    let report = metric.report();
    assert_eq!(report.class_iou, [("road", 2.0 / 3.0), ("building", 0.0), ("truck", 0.0)]);
    assert_eq!(report.category_iou, [("flat", 2.0 / 3.0), ("construction", 0.0), ("vehicle", 0.0)]);
    assert_eq!(report.class_niou, [("truck", 0.0)]);
    assert!((report.miou_classes.unwrap() - 2.0 / 9.0).abs() < 1e-12);
}

#[test]
fn a_small_object_weighs_as_much_as_a_large_one() {
    let labels = row(&[(24, 100), (24, 10)]);
    let instances = row(&[(24_000, 100), (24_001, 10)]);
    let mut metric = CityscapesPixels::new();
    metric.add("a".into(), &labels, &instances, &row(&[(24, 100), (25, 10)])).unwrap();
    let report = metric.report();
    assert!((report.class_niou[0].1 - 0.5).abs() < 1e-12);
    assert_eq!(report.category_niou, [("human", 1.0)]);
}

#[test]
fn maps_are_checked() {
    let good = row(&[(7, 4)]);
    assert!(CityscapesPixels::compare(&good, &good, &row(&[(34, 4)])).is_err());
    assert!(CityscapesPixels::compare(&row(&[(255, 4)]), &good, &good).is_err());
    assert!(CityscapesPixels::compare(&good, &row(&[(7_001, 4)]), &good).is_err());
    assert!(CityscapesPixels::compare(&good, &row(&[(7, 3)]), &good).is_err());
}

proptest! {
    #[test]
    fn parts_in_any_order_make_the_whole(
        images in prop::collection::vec(
            prop::collection::vec((0..4usize, 0..4usize, 30..150usize), 1..8), 1..8),
        cut in 0..8usize,
    ) {
        let ids = [7, 24_000, 24_001, 26];
        let classes = [7, 24, 26, 29];
        let maps = |image: &[(usize, usize, usize)]| {
            let of = |values: Vec<(u32, usize)>| row(&values);
            (
                of(image.iter().map(|&(real, _, run)| (ids[real], run)).collect()),
                of(image.iter().map(|&(_, guess, run)| (classes[guess], run)).collect()),
            )
        };
        let of = |range: std::ops::Range<usize>| {
            let (mut instances, mut pixels) = (CityscapesInstances::new(), CityscapesPixels::new());
            for number in range.rev() {
                let (truth, guess) = maps(&images[number]);
                let labels = kmax_masks::cityscapes::labels(&truth);
                pixels.add((number as i64).into(), &labels, &truth, &guess).unwrap();
                let mut matcher = ImageMatcher::new(&truth).unwrap();
                for class in [24, 26] {
                    let mask = guess.map(|label| u32::from(label == class));
                    matcher.predict(class, f64::from(number as u32 % 3), &mask).unwrap();
                }
                instances.insert((number as i64).into(), matcher.finish()).unwrap();
            }
            (instances, pixels)
        };
        let cut = cut.min(images.len());
        let ((a, b), (c, d), (e, f)) = (of(cut..images.len()), of(0..cut), of(0..images.len()));
        prop_assert_eq!(a.merge(c).unwrap().report(), e.report());
        prop_assert_eq!(b.merge(d).unwrap().report(), f.report());
    }
}

use proptest::prelude::*;

use super::*;

/// A mask of one row.
fn mask(range: std::ops::Range<u32>) -> Rle {
    Rle::new([1, 10_000], vec![range.start, range.end - range.start, 10_000 - range.end]).unwrap()
}

fn truth(range: std::ops::Range<u32>) -> Truth {
    let area = f64::from(range.end - range.start);
    Truth { id: 1, category_id: 1, area, mask: mask(range), iscrowd: false }
}

fn crowd(range: std::ops::Range<u32>) -> Truth {
    Truth { iscrowd: true, ..truth(range) }
}

fn detection(range: std::ops::Range<u32>, score: f64) -> Detection {
    Detection { category_id: 1, mask: mask(range), score }
}

fn ap(truths: &[Truth], detections: &[Detection]) -> InstanceReport {
    let mut metric = MaskAp::new(Categories::coco_things());
    metric.add(1.into(), truths, detections).unwrap();
    metric.report()
}

#[test]
fn a_match_is_at_the_threshold_and_above() {
    let report = ap(&[truth(0..100)], &[detection(0..50, 0.9)]);
    assert_eq!(report.per_category[0].1.recall_per_iou[..2], [1.0, 0.0]);
    let report = ap(&[truth(0..100)], &[detection(0..55, 0.9)]);
    assert_eq!(report.per_category[0].1.recall_per_iou[..3], [1.0, 1.0, 0.0]);
}

#[test]
fn a_taken_object_is_gone_but_a_crowd_is_not() {
    let detections = [detection(0..60, 0.9), detection(0..100, 0.8)];
    let report = ap(&[truth(0..100)], &detections);
    // The first takes it at 0.6 and below, though the second fits better.
    assert_eq!(report.per_category[0].1.recall_per_iou, [1.0; 10]);
    assert!(report.stats.AP50 > 0.99 && (report.ap_per_iou[9] - 0.5).abs() < 1e-12);
    let crowded = ap(
        &[truth(500..600), crowd(0..100)],
        &[detections.to_vec(), vec![detection(500..600, 0.1)]].concat(),
    );
    // Both fall on the crowd and are ignored.
    assert!(crowded.stats.AP > 0.99);
}

#[test]
fn what_finds_an_object_with_the_id_zero_has_found_nothing() {
    let zero = |area| Truth { id: 0, area, ..truth(0..100) };
    let report = ap(&[zero(100.0), truth(500..600)], &[detection(0..100, 0.9), detection(500..600, 0.8)]);
    assert_eq!(report.per_category[0].1.recall_per_iou, [0.5; 10]);
    // Precision is a half where the only hit comes second.
    assert!((report.per_category[0].1.precision_at_recall_iou50[0] - 0.5).abs() < 1e-12);
    // The object is taken all the same, and where it is ignored so is its detection.
    assert_eq!(report.stats.APm, -1.0);
}

#[test]
fn an_area_on_the_border_is_in_both_ranges() {
    let report = ap(&[truth(0..1024)], &[detection(0..1024, 0.5)]);
    let positives = report.per_category[0].1.npos_per_area_range;
    assert_eq!((positives.small, positives.medium, positives.large), (1, 1, 0));
    assert!(report.stats.APs > 0.99 && report.stats.APm > 0.99);
    assert_eq!(report.stats.APl, -1.0);
}

#[test]
fn a_category_without_objects_is_left_out_and_one_without_detections_is_zero() {
    let report = ap(&[], &[detection(0..10, 0.5)]);
    assert_eq!((report.stats.AP, report.per_category.len()), (-1.0, 0));
    let report = ap(&[truth(0..10)], &[]);
    assert_eq!((report.stats.AP, report.stats.AR1), (0.0, 0.0));
}

#[test]
fn limits_cut_by_score() {
    let truths: Vec<Truth> = (0..20).map(|i| truth(i * 100..i * 100 + 50)).collect();
    let detections: Vec<Detection> =
        (0..20).map(|i| detection(i * 100..i * 100 + 50, f64::from(i) / 20.0)).collect();
    let stats = ap(&truths, &detections).stats;
    for (value, expected) in [(stats.AR1, 0.05), (stats.AR10, 0.5), (stats.AR100, 1.0)] {
        assert!((value - expected).abs() < 1e-12, "{value} {expected}");
    }
}

#[test]
fn entries_are_checked() {
    let metric = MaskAp::new(Categories::coco_things());
    let fails = |truths: &[Truth], detections: &[Detection]| {
        metric.compare(truths, detections).unwrap_err().to_string()
    };
    for score in [f64::NAN, f64::INFINITY] {
        assert!(
            fails(&[], &[detection(0..1, 0.1), detection(0..1, score)]).starts_with("detection 1: a score")
        );
    }
    assert!(fails(&[Truth { area: -1.0, ..truth(0..1) }], &[]).starts_with("annotation 0: an area of -1"));
    assert!(fails(&[Truth { category_id: 12, ..truth(0..1) }], &[]).contains("unknown category_id 12"));
    let other = Detection { mask: Rle::empty(3, 4).unwrap(), ..detection(0..1, 0.1) };
    assert!(fails(&[truth(0..1)], &[other]).contains("sizes differ"));
}

proptest! {
    #[test]
    fn parts_in_any_order_make_the_whole(
        images in prop::collection::vec(
            prop::collection::vec((0..90u32, 1..40u32, 0..4u32, any::<bool>()), 0..8), 1..10),
        cut in 0..10usize,
    ) {
        let entries = |objects: &[(u32, u32, u32, bool)]| {
            let mut truths = Vec::new();
            let mut detections = Vec::new();
            for &(start, len, score, real) in objects {
                if real {
                    truths.push(truth(start..start + len));
                } else {
                    detections.push(detection(start..start + len, f64::from(score) / 4.0));
                }
            }
            (truths, detections)
        };
        let of = |range: std::ops::Range<usize>| {
            let mut metric = MaskAp::new(Categories::coco_things());
            for number in range.rev() {
                let (truths, detections) = entries(&images[number]);
                metric.add((number as i64).into(), &truths, &detections).unwrap();
            }
            metric
        };
        let cut = cut.min(images.len());
        let merged = of(cut..images.len()).merge(of(0..cut)).unwrap();
        prop_assert_eq!(merged.report(), of(0..images.len()).report());
        let stats = merged.report().stats;
        // A mean of ten equal numbers may round up.
        let most = |bound: f64| bound + 1e-12;
        prop_assert!(stats.AP <= most(1.0) && stats.AP <= most(stats.AP50) && stats.AR1 <= most(stats.AR100));
    }
}

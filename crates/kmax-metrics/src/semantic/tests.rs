use kmax_masks::Category;
use proptest::prelude::*;

use super::*;

fn categories(classes: u32) -> Categories {
    let category =
        |id| Category { id, name: format!("class {id}"), isthing: false, color: [0; 3], supercategory: None };
    Categories::new((0..classes).map(category).collect()).unwrap()
}

fn row(labels: &[u32]) -> LabelMap {
    LabelMap::new(labels.len(), 1, labels.to_vec()).unwrap()
}

#[test]
fn a_class_that_is_only_predicted_is_left_out_but_costs() {
    let mut quality = SemanticQuality::new(categories(3), 255);
    quality.add("a".into(), &row(&[0, 0, 0, 1, 255, 255]), &row(&[0, 0, 2, 1, 1, 2])).unwrap();
    let report = quality.report();
    let close = |value: Option<f64>, expected: f64| (value.unwrap() - expected).abs() < 1e-12;
    assert!(close(report.per_class[0].1.iou, 2.0 / 3.0));
    assert!(close(report.per_class[1].1.iou, 1.0));
    assert_eq!((report.per_class[2].1.iou, report.per_class[2].1.pred), (None, 1));
    assert!(close(report.miou, 2.5 / 3.0) && close(report.fwiou, 0.75) && close(report.pacc, 0.75));
    assert_eq!(report.confusion_nonzero, [(0, 0, 2), (1, 1, 1), (1, 3, 1), (2, 0, 1), (2, 3, 1)]);
}

#[test]
fn labels_out_of_range_are_named_by_pixel() {
    let quality = SemanticQuality::new(categories(3), 255);
    let text = quality.compare(&row(&[0, 0, 7]), &row(&[0, 0, 0])).unwrap_err().to_string();
    assert!(text.contains("pixel (2, 0) of the ground truth holds 7"), "{text}");
    let text = quality.compare(&row(&[0, 0]), &row(&[0, 255])).unwrap_err().to_string();
    assert!(text.contains("pixel (1, 0) of the prediction holds 255"), "{text}");
    assert!(quality.compare(&row(&[0]), &row(&[0, 0])).is_err());
    assert_eq!(quality.report().miou, None);
}

#[test]
fn panoptic_maps_are_read_as_classes() {
    let panoptic = |ids: &[u32]| kmax_masks::Panoptic::from_map(row(ids), |id| (id / 10 - 1, false));
    let mut quality = SemanticQuality::new(categories(3), 255);
    // Two instances of class 0 are one class; void of the truth is ignored, void of the prediction is missed.
    let found = quality
        .compare_panoptic(&panoptic(&[10, 11, 10, 20, 20, 0, 0]), &panoptic(&[11, 11, 0, 20, 30, 30, 0]));
    quality.insert(1.into(), found.unwrap()).unwrap();
    let report = quality.report();
    let close = |value: Option<f64>, expected: f64| (value.unwrap() - expected).abs() < 1e-12;
    assert!(close(report.per_class[0].1.iou, 2.0 / 3.0) && close(report.per_class[1].1.iou, 0.5));
    assert_eq!(report.per_class[2].1.iou, None);
    assert!(close(report.pacc, 0.6) && close(report.miou, 3.5 / 6.0));
    assert_eq!(report.confusion_nonzero.last(), Some(&(3, 3, 1)));
    let text = quality.compare_panoptic(&panoptic(&[40]), &panoptic(&[0])).unwrap_err().to_string();
    assert!(text.contains("ground truth segment 40: unknown category_id 3"), "{text}");
}

proptest! {
    #[test]
    fn parts_in_any_order_make_the_whole(
        images in prop::collection::vec(prop::collection::vec((0..6u32, 0..5u32), 1..50), 1..10),
        cut in 0..10usize,
    ) {
        let of = |range: std::ops::Range<usize>| {
            let mut quality = SemanticQuality::new(categories(5), 5);
            for number in range.rev() {
                let (truth, guess): (Vec<u32>, Vec<u32>) = images[number].iter().copied().unzip();
                quality.add((number as i64).into(), &row(&truth), &row(&guess)).unwrap();
            }
            quality
        };
        let cut = cut.min(images.len());
        let merged = of(cut..images.len()).merge(of(0..cut)).unwrap().report();
        prop_assert_eq!(&merged, &of(0..images.len()).report());
        let pixels: u64 = merged.confusion_nonzero.iter().map(|entry| entry.2).sum();
        prop_assert_eq!(pixels, images.iter().map(|image| image.len() as u64).sum::<u64>());
    }
}

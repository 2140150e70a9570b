//! deeplab2's streaming evaluation against its own numbers.

use std::collections::HashMap;

use kmax_goldens::{Noise, assert_close_values, json};
use kmax_masks::{Categories, Category, LabelMap, Rle};
use kmax_metrics::instance::{Detection, Truth};
use kmax_metrics::{MaskAp, StreamingQuality};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

/// The original sums in float32.
const NOISE: Noise = Noise { atol: 0.0, rtol: 4.0 * f32::EPSILON as f64 };

fn map(golden: &SafeTensors, name: &str) -> LabelMap {
    let tensor = golden.tensor(name).unwrap_or_else(|error| panic!("{name}: {error}"));
    let data = tensor.data();
    let values = match tensor.dtype() {
        Dtype::I32 => data.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect(),
        _ => data.iter().map(|&byte| u32::from(byte)).collect(),
    };
    LabelMap::new(tensor.shape()[1], tensor.shape()[0], values).expect("sizes fit")
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

fn streaming_quality_is_the_originals() {
    let Some(folder) = kmax_goldens::golden("tf/evaluation") else { return };
    let bytes = std::fs::read(folder.join("evaluation.safetensors")).expect("there");
    let golden = SafeTensors::deserialize(&bytes).expect("safetensors");
    let facts = json(&folder.join("evaluation.json"));
    for (name, case) in facts["cases"].as_object().expect("cases") {
        let [classes, ignored, divisor] = ["num_classes", "ignore_label", "label_divisor"]
            .map(|key| case[key].as_u64().expect("a number") as u32);
        let mut parts =
            [(); 2].map(|()| StreamingQuality::new(classes as usize, ignored, divisor).expect("possible"));
        let images = case["per_image_class_iou_tp_fn_fp"].as_array().expect("images");
        for (image, expected) in images.iter().enumerate() {
            let (truth, guess) =
                (map(&golden, &format!("{name}/{image}/gt")), map(&golden, &format!("{name}/{image}/pred")));
            let found = parts[0].compare(&truth, &guess).expect("comparable");
            for class in 0..classes as usize {
                let ours = [
                    found.iou[class],
                    found.tp[class] as f64,
                    found.fn_[class] as f64,
                    found.fp[class] as f64,
                ];
                let listed =
                    expected.get(class.to_string()).map(|row| [0, 1, 2, 3].map(|at| number(&row[at])));
                assert_close_values(
                    &format!("{name}/{image}/{class}"),
                    &ours,
                    &listed.unwrap_or_default(),
                    NOISE,
                );
            }
            parts[image % 2].insert((image as i64).into(), found).expect("new");
        }
        let [even, odd] = parts;
        let report = odd.merge(even).expect("parts").report();
        let ours = [report.pq, report.sq, report.rq, report.tp, report.fn_, report.fp]
            .map(|mean| mean.expect("a mean"));
        let result: Vec<f64> =
            case["result_pq_sq_rq_tp_fn_fp"].as_array().expect("six").iter().map(number).collect();
        assert_close_values(&format!("{name}: means"), &ours, &result, NOISE);
        for (class, total) in case["total_iou"].as_object().expect("classes") {
            let at: usize = class.parse().expect("a class");
            assert_close_values(
                &format!("{name}: {class}"),
                &[report.total_iou[at]],
                &[number(total)],
                NOISE,
            );
            let counts = [0, 1, 2].map(|place| number(&case["total_tp_fn_fp"][class][place]));
            assert_eq!(report.total_tp_fn_fp[at].map(|count| count as f64), counts, "{name}: {class}");
        }
    }
}

/// The original turns instances of both maps into COCO's form and asks pycocotools.
fn instance_ap_is_the_originals() {
    let Some(folder) = kmax_goldens::golden("tf/evaluation") else { return };
    let bytes = std::fs::read(folder.join("evaluation.safetensors")).expect("there");
    let golden = SafeTensors::deserialize(&bytes).expect("safetensors");
    let facts = json(&folder.join("evaluation.json"));
    for (name, case) in facts["cases"].as_object().expect("cases") {
        let divisor = case["label_divisor"].as_u64().expect("a divisor") as u32;
        let detections = case["instance_detections"].as_array().expect("detections");
        let things: Vec<u32> = if name == "coco" { (1..=80).collect() } else { (11..19).collect() };
        let category = |&id: &u32| Category {
            id,
            name: id.to_string(),
            isthing: true,
            color: [0; 3],
            supercategory: None,
        };
        let mut metric = MaskAp::new(Categories::new(things.iter().map(category).collect()).expect("unique"));
        for image in 0..case["per_image_class_iou_tp_fn_fp"].as_array().expect("images").len() {
            let masks = |part: &str| {
                let labels = map(&golden, &format!("{name}/{image}/{part}"));
                let mut all = Rle::encode_all(&labels);
                all.retain(|(label, _)| things.contains(&(label / divisor)));
                all.sort_by_key(|(label, _)| labels.data().iter().position(|value| value == label));
                all
            };
            let crowd = Rle::encode(&map(&golden, &format!("{name}/{image}/is_crowd")), 1);
            let truths: Vec<Truth> = masks("gt")
                .into_iter()
                .map(|(label, mask)| Truth {
                    id: i64::from(label) + 1,
                    category_id: label / divisor,
                    area: mask.area() as f64,
                    iscrowd: mask.intersection(&crowd).expect("one size") > 0,
                    mask,
                })
                .collect();
            // Scores are listed by image, in the order in which the labels are first seen.
            let mut scores: HashMap<u64, Vec<f64>> = HashMap::new();
            for listed in detections.iter().filter(|listed| listed["image"] == image + 1).rev() {
                scores
                    .entry(listed["class"].as_u64().expect("a class"))
                    .or_default()
                    .push(number(&listed["score"]));
            }
            let found: Vec<Detection> = masks("pred")
                .into_iter()
                .map(|(label, mask)| {
                    let score = scores.get_mut(&u64::from(label / divisor)).and_then(Vec::pop);
                    Detection { category_id: label / divisor, mask, score: score.expect("a score for each") }
                })
                .collect();
            metric.add((image as i64).into(), &truths, &found).expect("valid");
        }
        let s = metric.report().stats;
        let ours = [s.AP, s.AP50, s.AP75, s.APs, s.APm, s.APl, s.AR1, s.AR10, s.AR100, s.ARs, s.ARm, s.ARl];
        let expected: Vec<f64> =
            case["instance_ap_12"].as_array().expect("twelve").iter().map(number).collect();
        assert_close_values(&format!("{name}: AP"), &ours, &expected, NOISE);
    }
}

kmax_goldens::tests!(streaming_quality_is_the_originals, instance_ap_is_the_originals);

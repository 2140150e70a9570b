//! Every number of the official evaluators, from their files on disk.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use kmax_masks::rle::Merge;
use kmax_masks::{Categories, LabelMap, Panoptic, Rle, Segment, codec};
use kmax_metrics::cityscapes::ImageMatcher;
use kmax_metrics::instance::{Detection, Truth};
use kmax_metrics::panoptic::Convention;
use kmax_metrics::{
    CityscapesInstances, CityscapesPixels, ImageId, MaskAp, PanopticQuality, SemanticQuality,
};
use serde_json::Value;

/// What the goldens ask for: sums of IoU depend on the order of addition in the last digits only.
const TOLERANCE: f64 = 1e-9;

fn json(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn bytes(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn labels(path: &Path) -> LabelMap {
    codec::decode_labels(&bytes(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn from<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).expect("the golden's form")
}

/// Everything that `expected` has must be in `actual`: numbers within the tolerance, the rest exactly. Gives the
/// count of numbers and the largest difference.
fn compare(place: &str, actual: &Value, expected: &Value, seen: &mut (usize, f64)) {
    match (actual, expected) {
        (Value::Object(have), Value::Object(want)) => {
            for (key, value) in want {
                let found = have.get(key).unwrap_or_else(|| panic!("{place}: no key {key}"));
                compare(&format!("{place}/{key}"), found, value, seen);
            }
            // Lists of classes and images must not have more than the golden, only reports may.
            let named =
                |map: &serde_json::Map<String, Value>| map.values().all(Value::is_object) || map.is_empty();
            if named(want) && !place.is_empty() {
                assert_eq!(have.len(), want.len(), "{place}: the keys {:?}", have.keys().collect::<Vec<_>>());
            }
        }
        (Value::Array(have), Value::Array(want)) => {
            assert_eq!(have.len(), want.len(), "{place}: the length");
            for (index, (have, want)) in have.iter().zip(want).enumerate() {
                compare(&format!("{place}/{index}"), have, want, seen);
            }
        }
        (Value::Number(have), Value::Number(want)) => {
            let difference = (have.as_f64().unwrap() - want.as_f64().unwrap()).abs();
            assert!(difference <= TOLERANCE, "{place}: {have}, expected {want}");
            *seen = (seen.0 + 1, seen.1.max(difference));
        }
        _ => assert_eq!(actual, expected, "{place}"),
    }
}

fn check(what: &str, report: &impl serde::Serialize, expected: &Value, numbers: usize) {
    let mut seen = (0, 0.0);
    compare("", &serde_json::to_value(report).unwrap(), expected, &mut seen);
    eprintln!("{what}: {} numbers, largest difference {:e}", seen.0, seen.1);
    assert!(seen.0 >= numbers, "{what}: only {} numbers were compared", seen.0);
}

/// The annotations of a panoptic JSON by image, with their maps.
fn panoptics(json_path: &Path, wanted: Option<&[ImageId]>) -> BTreeMap<ImageId, Panoptic> {
    let folder = json_path.with_extension("");
    let mut found = BTreeMap::new();
    for annotation in json(json_path)["annotations"].as_array().expect("annotations") {
        let image: ImageId = from(&annotation["image_id"]);
        if wanted.is_some_and(|wanted| !wanted.contains(&image)) {
            continue;
        }
        let path = folder.join(annotation["file_name"].as_str().expect("a file name"));
        let map = codec::decode_panoptic(&bytes(&path)).expect("a panoptic PNG");
        let segments =
            annotation["segments_info"].as_array().expect("segments_info").iter().map(|info| Segment {
                id: from(&info["id"]),
                category_id: from(&info["category_id"]),
                score: None,
                area: info["area"].as_u64().unwrap_or(0),
                bbox: info.get("bbox").map_or([0; 4], from),
                iscrowd: info["iscrowd"].as_u64() == Some(1),
            });
        found.insert(image, Panoptic::new(map, segments.collect()));
    }
    found
}

fn panoptic_quality(truth_json: &Path, prediction_json: &Path, convention: Convention) -> PanopticQuality {
    let categories: Categories = from(&json(truth_json)["categories"]);
    let truths = panoptics(truth_json, None);
    let wanted: Vec<ImageId> = truths.keys().cloned().collect();
    let mut predictions = panoptics(prediction_json, Some(&wanted));
    let mut parts = [(); 2].map(|()| PanopticQuality::new(categories.clone()).with_convention(convention));
    for (number, (image, truth)) in truths.iter().enumerate() {
        let prediction = predictions.remove(image).expect("a prediction for each image");
        parts[number % 2].add(image.clone(), truth, &prediction).expect("a valid pair");
    }
    let [even, odd] = parts;
    odd.merge(even).expect("no image is in both halves")
}

#[test]
fn coco_panoptic() {
    let Some(folder) = kmax_goldens::golden("metrics/coco_panoptic") else { return };
    let quality = panoptic_quality(
        &folder.join("panoptic_gt.json"),
        &folder.join("panoptic_pred.json"),
        Convention::Coco,
    );
    check("coco_panoptic", &quality.report(), &json(&folder.join("expected.json")), 1000);
    let categories: Categories = from(&json(&folder.join("panoptic_gt.json"))["categories"]);
    assert_eq!(categories, Categories::coco_panoptic());
}

#[test]
fn ade20k() {
    let Some(folder) = kmax_goldens::golden("metrics/ade20k") else { return };
    let expected = json(&folder.join("expected.json"));
    let quality = panoptic_quality(
        &folder.join("panoptic_gt.json"),
        &folder.join("panoptic_pred.json"),
        Convention::Coco,
    );
    let mut panoptic = expected.clone();
    let semantic = panoptic.as_object_mut().unwrap().remove("semantic").unwrap();
    check("ade20k panoptic", &quality.report(), &panoptic, 1000);

    let categories: Categories = from(&json(&folder.join("panoptic_gt.json"))["categories"]);
    assert_eq!(categories, Categories::ade20k());
    let mut quality = SemanticQuality::new(categories, 255);
    for path in files(&folder.join("semantic_gt"), ".png") {
        let name = path.file_name().unwrap();
        let prediction = labels(&folder.join("semantic_pred").join(name));
        quality.add(name.to_str().unwrap().into(), &labels(&path), &prediction).expect("a valid pair");
    }
    check("ade20k semantic", &quality.report(), &semantic, 800);
}

/// The files of a folder that end so, by name.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} has no {ending}", folder.display());
    paths
}

#[test]
fn coco_instance() {
    let Some(folder) = kmax_goldens::golden("metrics/coco_instance") else { return };
    let truth = json(&folder.join("instances_gt.json"));
    let sizes: BTreeMap<ImageId, (usize, usize)> = truth["images"]
        .as_array()
        .unwrap()
        .iter()
        .map(|image| (from(&image["id"]), (from(&image["width"]), from(&image["height"]))))
        .collect();
    let mut images: BTreeMap<ImageId, (Vec<Truth>, Vec<Detection>)> = BTreeMap::new();
    for image in sizes.keys() {
        images.entry(image.clone()).or_default();
    }
    for annotation in truth["annotations"].as_array().unwrap() {
        let image: ImageId = from(&annotation["image_id"]);
        let (width, height) = sizes[&image];
        let mask = match &annotation["segmentation"] {
            polygons @ Value::Array(_) => {
                Rle::from_polygons(width, height, &from::<Vec<Vec<f64>>>(polygons)).expect("polygons")
            }
            runs => from(runs),
        };
        images.get_mut(&image).unwrap().0.push(Truth {
            id: from(&annotation["id"]),
            category_id: from(&annotation["category_id"]),
            mask,
            area: from(&annotation["area"]),
            iscrowd: annotation["iscrowd"].as_u64() == Some(1),
        });
    }
    for result in json(&folder.join("instances_results.json")).as_array().unwrap() {
        images.get_mut(&from(&result["image_id"])).expect("a known image").1.push(Detection {
            category_id: from(&result["category_id"]),
            mask: from(&result["segmentation"]),
            score: from(&result["score"]),
        });
    }
    let categories: Categories = from(&truth["categories"]);
    let mut metric = MaskAp::new(categories);
    // The order of arrival must not matter.
    for (image, (truths, detections)) in images.into_iter().rev() {
        metric.add(image, &truths, &detections).expect("valid entries");
    }
    check("coco_instance", &metric.report(), &json(&folder.join("expected.json")), 1000);
}

#[test]
fn masks() {
    let Some(folder) = kmax_goldens::golden("metrics/coco_instance") else { return };
    let masks = json(&folder.join("masks.json"));
    for entry in masks["rle"].as_array().unwrap() {
        let rle = Rle::new(from(&entry["size"]), from(&entry["counts"])).unwrap();
        assert_eq!(rle.to_text(), entry["compressed"]);
        assert_eq!(Rle::from_text(rle.size(), &rle.to_text()).unwrap(), rle);
        assert_eq!(rle.area(), from::<u64>(&entry["area"]));
        assert_eq!(rle.bbox().map(f64::from), from::<[f64; 4]>(&entry["bbox"]));
        assert_eq!(Rle::from_mask(rle.width(), rle.height(), &rle.decode()).unwrap(), rle);
    }
    let polygons = masks["polygons"].as_array().unwrap();
    for entry in polygons {
        let [height, width]: [usize; 2] = from(&entry["size"]);
        let vertices: Vec<Vec<f64>> = from(&entry["polygons"]);
        let parts: Vec<Rle> =
            vertices.iter().map(|part| Rle::from_polygon(width, height, part).expect("a polygon")).collect();
        let texts: Vec<String> = parts.iter().map(Rle::to_text).collect();
        assert_eq!(texts, from::<Vec<String>>(&entry["part_compressed"]), "{vertices:?}");
        let union = Rle::merge(&parts, Merge::Union).unwrap();
        assert_eq!(union.to_text(), entry["union_compressed"]);
        assert_eq!(union.counts(), from::<Vec<u32>>(&entry["union_counts"]));
        assert_eq!(union.area(), from::<u64>(&entry["area"]));
        assert_eq!(union.bbox().map(f64::from), from::<[f64; 4]>(&entry["bbox"]));
    }
    assert!(polygons.len() > 20);
}

/// The images of the Cityscapes golden: the stem and the path of `labelIds`.
fn cityscapes_images(folder: &Path) -> Vec<(String, PathBuf)> {
    let mut images = Vec::new();
    for city in fs::read_dir(folder.join("gtFine/val")).unwrap() {
        for path in files(&city.unwrap().path(), "_gtFine_labelIds.png") {
            let name = path.file_name().unwrap().to_str().unwrap();
            images.push((name.trim_end_matches("_gtFine_labelIds.png").to_owned(), path));
        }
    }
    images
}

fn instance_ids(label_path: &Path) -> LabelMap {
    labels(Path::new(&label_path.to_str().unwrap().replace("labelIds", "instanceIds")))
}

#[test]
fn cityscapes_semantic() {
    let Some(folder) = kmax_goldens::golden("metrics/cityscapes") else { return };
    let mut metric = CityscapesPixels::new();
    for (image, path) in cityscapes_images(&folder) {
        let prediction = labels(&folder.join("results/semantic").join(path.file_name().unwrap()));
        metric.add(image.into(), &labels(&path), &instance_ids(&path), &prediction).expect("a valid image");
    }
    check("cityscapes semantic", &metric.report(), &json(&folder.join("expected.json"))["semantic"], 500);
}

#[test]
fn cityscapes_instance() {
    let Some(folder) = kmax_goldens::golden("metrics/cityscapes") else { return };
    let results = folder.join("results/instance");
    let mut metric = CityscapesInstances::new();
    for (image, path) in cityscapes_images(&folder) {
        let truth = instance_ids(&path);
        let mut matcher = ImageMatcher::new(&truth).expect("known labels");
        let text = fs::read_to_string(results.join(format!("{image}_pred.txt"))).unwrap();
        // Of two lines with one mask the later holds.
        let mut lines: BTreeMap<&str, (u32, f64)> = BTreeMap::new();
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            lines.insert(words[0], (words[1].parse().unwrap(), words[2].parse().unwrap()));
        }
        for (mask, (class, confidence)) in lines {
            matcher.predict(class, confidence, &labels(&results.join(mask))).expect("a valid mask");
        }
        metric.insert(image.into(), matcher.finish()).unwrap();
    }
    check("cityscapes instance", &metric.report(), &json(&folder.join("expected.json"))["instance"], 90);
}

#[test]
fn cityscapes_panoptic() {
    let Some(folder) = kmax_goldens::golden("metrics/cityscapes") else { return };
    let name = "cityscapes_panoptic_val_trainId.json";
    let truth_json = folder.join("gtFine").join(name);
    let quality = panoptic_quality(&truth_json, &folder.join("results").join(name), Convention::Cityscapes);
    check("cityscapes panoptic", &quality.report(), &json(&folder.join("expected.json"))["panoptic"], 100);

    let categories: Categories = from(&json(&truth_json)["categories"]);
    assert_eq!(categories, Categories::cityscapes());
    // The official converter's annotations are what we make of the instance ids.
    let official = panoptics(&truth_json, None);
    for (image, path) in cityscapes_images(&folder) {
        let converted = kmax_masks::cityscapes::panoptic(&instance_ids(&path)).unwrap();
        let mut expected = official[&ImageId::from(image)].clone();
        expected.segments.sort_by_key(|segment| segment.id);
        assert_eq!(converted, expected);
    }
}

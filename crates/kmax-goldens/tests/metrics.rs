//! Every number of the official evaluators, from their files on disk as the program reads them.

use std::path::{Path, PathBuf};

use kmax_datasets::cityscapes::Cityscapes;
use kmax_datasets::coco::CocoPanoptic;
use kmax_datasets::evaluate::{self, PanopticFiles};
use kmax_goldens::{assert_report, json};
use kmax_masks::rle::Merge;
use kmax_masks::{Categories, Rle};
use kmax_metrics::panoptic::Convention;
use serde_json::Value;

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// What the goldens ask for: sums of IoU depend on the order of addition in the last digits only.
const TOLERANCE: f64 = 1e-9;

fn from<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).expect("the golden's form")
}

fn check(what: &str, report: &impl serde::Serialize, expected: &Value, numbers: usize) -> Outcome {
    assert_report(what, &serde_json::to_value(report)?, expected, TOLERANCE, numbers);
    Ok(())
}

/// Ground truth and prediction of a folder.
fn files(folder: &Path) -> PanopticFiles {
    PanopticFiles::new(folder.join("panoptic_gt.json"), folder.join("panoptic_pred.json"))
}

/// A dataset of which only the annotations are there.
fn annotations(json: PathBuf) -> kmax_datasets::Result<CocoPanoptic> {
    CocoPanoptic::open(&json, json.with_extension(""), json.with_extension(""))
}

fn coco_panoptic() -> Outcome {
    let Some(folder) = kmax_goldens::golden("metrics/coco_panoptic") else { return Ok(()) };
    let report = evaluate::panoptic(&files(&folder), Convention::Coco, &())?;
    check("coco_panoptic", &report, &json(&folder.join("expected.json")), 1000)?;
    let dataset = annotations(folder.join("panoptic_gt.json"))?;
    assert_eq!(dataset.categories(), &Categories::coco_panoptic());
    Ok(())
}

fn ade20k() -> Outcome {
    let Some(folder) = kmax_goldens::golden("metrics/ade20k") else { return Ok(()) };
    let mut expected = json(&folder.join("expected.json"));
    let semantic = expected.as_object_mut().and_then(|map| map.remove("semantic")).expect("semantic");
    let report = evaluate::panoptic(&files(&folder), Convention::Coco, &())?;
    check("ade20k panoptic", &report, &expected, 1000)?;
    let dataset = annotations(folder.join("panoptic_gt.json"))?;
    assert_eq!(dataset.categories(), &Categories::ade20k());

    let (truth, prediction) = (folder.join("semantic_gt"), folder.join("semantic_pred"));
    let report = evaluate::semantic(&truth, &prediction, Categories::ade20k(), 255, &())?;
    check("ade20k semantic", &report, &semantic, 800)
}

fn coco_instance() -> Outcome {
    let Some(folder) = kmax_goldens::golden("metrics/coco_instance") else { return Ok(()) };
    let (truth, results) = (folder.join("instances_gt.json"), folder.join("instances_results.json"));
    let report = evaluate::instances(&truth, &results, &())?;
    check("coco_instance", &report, &json(&folder.join("expected.json")), 1000)
}

fn cityscapes() -> Outcome {
    let Some(folder) = kmax_goldens::golden("metrics/cityscapes") else { return Ok(()) };
    let dataset = Cityscapes::open(&folder, "val")?;
    let report = evaluate::cityscapes(&dataset, &folder, &())?;
    check("cityscapes", &report, &json(&folder.join("expected.json")), 690)?;
    // The official converter's annotations are what we make of the instance ids.
    let official = annotations(dataset.panoptic_json())?;
    assert_eq!(official.categories(), &Categories::cityscapes());
    assert_eq!(official.len(), dataset.images().len());
    for (index, (entry, _)) in official.entries().enumerate() {
        let image = dataset.images().iter().find(|image| entry.id == image.id.as_str().into());
        let mut expected = official.panoptic(index)?;
        expected.segments.sort_by_key(|segment| segment.id);
        assert_eq!(dataset.panoptic(image.expect("the same images"))?, expected);
    }
    Ok(())
}

/// The sample photographs' ground truth against itself. One of its annotations has the id 0, so that pycocotools finds
/// one detection too many: AP 0.99.
fn the_sample_photographs_against_themselves() -> Outcome {
    let Some(folder) = kmax_goldens::golden("coco_sample") else { return Ok(()) };
    let truth = folder.join("panoptic.json");
    let report = evaluate::panoptic(&PanopticFiles::new(&truth, &truth), Convention::Coco, &())?;
    assert_eq!((report.all.pq, report.all.n), (Some(1.0), 8));

    let instances = folder.join("instances.json");
    let mut entries = json(&instances)["annotations"].take();
    for entry in entries.as_array_mut().expect("annotations") {
        entry["score"] = 1.0.into();
    }
    let results = tempfile::NamedTempFile::new()?;
    std::fs::write(results.path(), entries.to_string())?;
    let stats = evaluate::instances(&instances, results.path(), &())?.stats;
    for (ours, official) in [
        (stats.AP, 0.990432216298553),
        (stats.APm, 0.971316249271986),
        (stats.AR1, 0.7036713286713286),
        (stats.AR100, 0.9951923076923077),
    ] {
        assert!((ours - official).abs() <= TOLERANCE, "{stats:?}");
    }
    Ok(())
}

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

kmax_goldens::tests!(
    coco_panoptic,
    ade20k,
    coco_instance,
    cityscapes,
    the_sample_photographs_against_themselves,
    masks
);

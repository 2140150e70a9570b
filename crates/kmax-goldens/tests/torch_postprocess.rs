//! Post-processing in the port's manner against the port's own results, pixel for pixel.

use candle_core::{DType, Result};
use kmax_goldens::Golden;
use kmax_kernels::Alignment;
use kmax_masks::{Categories, Category, LabelMap};
use kmax_model::postprocess::{self, Convention, Frame, PostprocessConfig, QueryLogits, Scope};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(Deserialize)]
struct Case {
    config: String,
    thresholds: Option<Thresholds>,
    segments: Vec<Segment>,
    area: BTreeMap<u32, u64>,
    instances: Option<Instances>,
    #[serde(default)]
    crop: Vec<usize>,
}

#[derive(Deserialize)]
struct Thresholds {
    class_threshold_thing: f32,
    class_threshold_stuff: f32,
    pixel_confidence_threshold: f32,
    overlap_threshold: f32,
    reorder_class_weight: f32,
    reorder_mask_weight: f32,
}

#[derive(Deserialize)]
struct Segment {
    id: u32,
    isthing: bool,
    category_id: u32,
}

#[derive(Deserialize)]
struct Instances {
    things_only: Found,
    all_classes: Found,
}

#[derive(Deserialize)]
struct Found {
    nonzero: usize,
}

#[derive(Deserialize)]
struct Network {
    num_classes: u32,
    thing_class_ids: Vec<u32>,
}

fn read<T: for<'de> Deserialize<'de>>(file: &Path) -> T {
    let text = std::fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

/// A case by name, with its categories (ids are class indices) and settings.
type Named = (String, Case, Categories, PostprocessConfig);

/// The folder and the cases.
fn cases() -> Option<(PathBuf, Vec<Named>)> {
    let folder = kmax_goldens::golden("torch")?;
    let networks: BTreeMap<String, Network> = read(&folder.join("configs.json"));
    let folder = folder.join("postprocess");
    let entries: BTreeMap<String, serde_json::Value> = read(&folder.join("info.json"));
    // What has no configuration is a remark on all.
    let cases = entries.into_iter().filter(|(_, entry)| entry.get("config").is_some());
    let with_settings = cases.map(|(name, entry)| {
        let case: Case = serde_json::from_value(entry).unwrap_or_else(|e| panic!("{name}: {e}"));
        let network = &networks[&case.config];
        let category = |id| Category {
            id,
            name: id.to_string(),
            isthing: network.thing_class_ids.contains(&id),
            color: [0; 3],
            supercategory: None,
        };
        let categories =
            Categories::new((0..network.num_classes).map(category).collect()).expect("unique ids");
        let mut config = PostprocessConfig::coco().pytorch();
        if let Some(thresholds) = &case.thresholds {
            config.class_threshold_thing = thresholds.class_threshold_thing;
            config.class_threshold_stuff = thresholds.class_threshold_stuff;
            config.pixel_threshold = thresholds.pixel_confidence_threshold;
            config.overlap_threshold = thresholds.overlap_threshold;
            config.reorder_class_weight = thresholds.reorder_class_weight;
            config.reorder_mask_weight = thresholds.reorder_mask_weight;
        }
        assert_eq!(config.convention, Convention::Pytorch);
        (name, case, categories, config)
    });
    Some((folder, with_settings.collect()))
}

fn predictions(golden: &Golden, alignment: Alignment) -> Result<QueryLogits> {
    let (classes, masks) = (golden.get("class_logits"), golden.get("mask_logits"));
    let (queries, height, width) = masks.dims3()?;
    Ok(QueryLogits {
        queries,
        classes: classes.dims2()?.1 - 1,
        class_logits: classes.flatten_all()?.to_vec1()?,
        mask_logits: masks.flatten_all()?.to_vec1()?,
        mask_size: [height, width],
        alignment,
    })
}

fn values(golden: &Golden, name: &str) -> Result<Vec<u32>> {
    golden.get(name).flatten_all()?.to_dtype(DType::U32)?.to_vec1()
}

fn assert_same(what: &str, map: &LabelMap, expected: &[u32]) {
    let wrong = map.data().iter().zip(expected).filter(|(a, b)| a != b).count();
    assert_eq!(map.data().len(), expected.len(), "{what}");
    assert_eq!(wrong, 0, "{what}: {wrong} of {} pixels differ", expected.len());
}

/// Sizes of a case, from its tensors and notes.
fn frame(golden: &Golden, case: &Case, mask_size: [usize; 2]) -> (Frame, Alignment) {
    let Some(image) = golden.find("image") else { return (Frame::whole(mask_size), Alignment::Borders) };
    let content = [image.dims()[0], image.dims()[1]];
    assert_eq!(content.as_slice(), case.crop.as_slice());
    let longest = content[0].max(content[1]);
    let photo = golden.get("panoptic");
    let alignment = if longest % 2 == 1 { Alignment::Corners } else { Alignment::Borders };
    (Frame { input: [longest; 2], content, image: [photo.dims()[0], photo.dims()[1]] }, alignment)
}

fn panoptic_and_semantic_results_are_the_ports() -> Result<()> {
    let Some((folder, cases)) = cases() else { return Ok(()) };
    assert_eq!(cases.len(), 12);
    for (name, case, categories, config) in cases {
        let golden = Golden::read(&folder.join(format!("{name}.safetensors")));
        let mut predictions = predictions(&golden, Alignment::Borders)?;
        let (frame, alignment) = frame(&golden, &case, predictions.mask_size);
        predictions.alignment = alignment;

        let panoptic = postprocess::panoptic(&predictions, &frame, &config, &categories).expect(&name);
        assert_same(&name, &panoptic.map, &values(&golden, "panoptic")?);
        assert_eq!(panoptic.segments.len(), case.segments.len(), "{name}");
        for (segment, expected) in panoptic.segments.iter().zip(&case.segments) {
            assert_eq!((segment.id, segment.category_id), (expected.id, expected.category_id), "{name}");
            assert_eq!(categories.is_thing(segment.category_id), expected.isthing, "{name}");
            assert_eq!(Some(&segment.area), case.area.get(&segment.id), "{name}: segment {}", segment.id);
        }

        let semantic = postprocess::semantic(&predictions, &frame, &config, &categories).expect(&name);
        assert_same(&format!("{name}: classes"), &semantic, &values(&golden, "semantic_argmax")?);
    }
    Ok(())
}

fn instances_are_the_ports() -> Result<()> {
    let Some((folder, cases)) = cases() else { return Ok(()) };
    let mut largest = 0f32;
    for (name, case, categories, config) in cases {
        let Some(counts) = &case.instances else { continue };
        let golden = Golden::read(&folder.join(format!("{name}.safetensors")));
        let predictions = predictions(&golden, Alignment::Borders)?;
        let frame = Frame::whole(predictions.mask_size);
        for (prefix, scope, nonzero) in [
            ("instance_things", Scope::Things, counts.things_only.nonzero),
            ("instance_all", Scope::All, counts.all_classes.nonzero),
        ] {
            let what = format!("{name}: {prefix}");
            let found =
                postprocess::instances(&predictions, &frame, &config, &categories, scope).expect(&what);
            // Masks without a pixel have score 0 in the original and are left out here.
            assert_eq!(found.len(), nonzero, "{what}");
            let scores: Vec<f32> = golden.get(&format!("{prefix}.scores")).to_vec1()?;
            let classes = values(&golden, &format!("{prefix}.classes"))?;
            let areas = values(&golden, &format!("{prefix}.area"))?;
            let masks = values(&golden, &format!("{prefix}.masks_first10"))?;
            let pixels = frame.image[0] * frame.image[1];
            for (at, instance) in found.iter().enumerate() {
                let difference = (instance.score - scores[at]).abs();
                largest = largest.max(difference);
                // The original sums hundreds of probabilities in float32.
                assert!(difference < 1e-6, "{what} {at}: {} {}", instance.score, scores[at]);
                assert_eq!(instance.category_id, classes[at], "{what} {at}");
                assert_eq!(instance.mask.area(), u64::from(areas[at]), "{what} {at}");
                if let Some(mask) = masks.get(at * pixels..(at + 1) * pixels) {
                    let ours = instance.mask.decode();
                    let wrong = ours.iter().zip(mask).filter(|(a, b)| **a != (**b != 0)).count();
                    assert_eq!(wrong, 0, "{what} {at}: {wrong} pixels differ");
                }
            }
        }
    }
    kmax_goldens::say(&format!("largest difference of a score {largest:e}"));
    Ok(())
}

kmax_goldens::tests!(panoptic_and_semantic_results_are_the_ports, instances_are_the_ports);

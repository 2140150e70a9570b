//! Post-processing in deeplab2's manner against deeplab2's own results, pixel for pixel.

use candle_core::{DType, Result};
use kmax_goldens::Golden;
use kmax_kernels::Alignment;
use kmax_masks::{Categories, Category, LabelMap};
use kmax_model::postprocess::{self, Convention, Frame, Method, PostprocessConfig, QueryLogits};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Cases {
    cases: BTreeMap<String, Case>,
    label_spaces: BTreeMap<String, LabelSpace>,
}

#[derive(Deserialize)]
struct Case {
    dataset: String,
    mode: String,
    output_shape: [usize; 2],
    void_label: u32,
    label_divisor: u32,
    thing_area_limit: u32,
    stuff_area_limit: u32,
    pixel_confidence_threshold: f32,
    transformer_class_confidence_threshold: Option<f32>,
    maskwise: Option<Maskwise>,
    segments: BTreeMap<u32, u64>,
}

#[derive(Deserialize)]
struct Maskwise {
    transformer_class_confidence_threshold_thing: f32,
    transformer_class_confidence_threshold_stuff: f32,
    overlapping_threshold: f32,
    reorder_class_weight: f32,
    reorder_mask_weight: f32,
}

#[derive(Deserialize)]
struct LabelSpace {
    head_order_dataset_ids: Vec<u32>,
    num_things: usize,
}

impl Case {
    fn config(&self) -> PostprocessConfig {
        let base = PostprocessConfig {
            convention: Convention::Deeplab2,
            method: Method::Pixelwise,
            pixel_threshold: self.pixel_confidence_threshold,
            thing_area_limit: self.thing_area_limit,
            stuff_area_limit: self.stuff_area_limit,
            ..PostprocessConfig::coco()
        };
        match (&self.maskwise, self.transformer_class_confidence_threshold) {
            (Some(maskwise), None) => PostprocessConfig {
                method: Method::Maskwise,
                class_threshold_thing: maskwise.transformer_class_confidence_threshold_thing,
                class_threshold_stuff: maskwise.transformer_class_confidence_threshold_stuff,
                overlap_threshold: maskwise.overlapping_threshold,
                reorder_class_weight: maskwise.reorder_class_weight,
                reorder_mask_weight: maskwise.reorder_mask_weight,
                ..base
            },
            (None, Some(threshold)) => PostprocessConfig {
                class_threshold_thing: threshold,
                class_threshold_stuff: threshold,
                ..base
            },
            _ => panic!("neither maskwise nor pixelwise"),
        }
    }
}

/// The classes in the order of the head, under the dataset's ids.
fn categories(space: &LabelSpace) -> Categories {
    let category = |(at, &id): (usize, &u32)| Category {
        id,
        name: id.to_string(),
        isthing: at < space.num_things,
        color: [0; 3],
        supercategory: None,
    };
    Categories::new(space.head_order_dataset_ids.iter().enumerate().map(category).collect())
        .expect("unique ids")
}

fn values(golden: &Golden, name: &str) -> Result<Vec<u32>> {
    golden.get(name).flatten_all()?.to_dtype(DType::U32)?.to_vec1()
}

fn assert_same(what: &str, ours: &[u32], expected: &[u32]) {
    assert_eq!(ours.len(), expected.len(), "{what}");
    let wrong = ours.iter().zip(expected).filter(|(a, b)| a != b).count();
    assert_eq!(wrong, 0, "{what}: {wrong} of {} pixels differ", expected.len());
}

fn every_method_is_deeplab2s() -> Result<()> {
    let Some(folder) = kmax_goldens::golden_files("tf/postprocess", &["cases.json"]) else {
        return Ok(());
    };
    let text = std::fs::read_to_string(folder.join("cases.json")).expect("cases.json");
    let Cases { cases, label_spaces } = serde_json::from_str(&text).expect("cases.json");
    assert_eq!(cases.len(), if kmax_goldens::is_whole() { 13 } else { 1 });
    for (name, case) in &cases {
        let golden = Golden::read(&folder.join(format!("{name}.safetensors")));
        let masks = golden.get("mask_logits").permute((2, 0, 1))?.contiguous()?;
        let classes = golden.get("class_logits");
        let (queries, height, width) = masks.dims3()?;
        let predictions = QueryLogits {
            queries,
            classes: classes.dims2()?.1 - 1,
            class_logits: classes.flatten_all()?.to_vec1()?,
            mask_logits: masks.flatten_all()?.to_vec1()?,
            mask_size: [height, width],
            alignment: Alignment::Corners,
        };
        let categories = categories(&label_spaces[&case.dataset]);
        let (frame, config) = (Frame::whole(case.output_shape), case.config());
        assert_eq!(config.method == Method::Maskwise, case.mode == "maskwise", "{name}");

        let assignment = postprocess::assign(&predictions, &frame, &config, &categories).expect(name);
        if config.method == Method::Maskwise {
            // There the first position stands for nobody as well.
            let ours: Vec<u32> = assignment.map.data().iter().map(|&at| at.max(1)).collect();
            assert_same(&format!("{name}: masks"), &ours, &values(&golden, "mask_id_plus_one")?);
        }
        let panoptic = assignment.clone().into_panoptic(&frame, &config, &categories).expect(name);
        // A thing's label holds the position of its mask.
        let labels = panoptic.map.data().iter().zip(assignment.map.data()).map(|(&id, &at)| {
            let category = panoptic.segment(id).map(|segment| segment.category_id);
            let label = category.unwrap_or(case.void_label) * case.label_divisor;
            if category.is_some_and(|id| categories.is_thing(id)) { label + at } else { label }
        });
        let labels: Vec<u32> = labels.collect();
        assert_same(&format!("{name}: panoptic"), &labels, &values(&golden, "panoptic")?);
        let found = LabelMap::new(case.output_shape[1], case.output_shape[0], labels).expect("sizes fit");
        let areas: BTreeMap<u32, u64> = found.extents().into_iter().map(|(id, e)| (id, e.area)).collect();
        assert_eq!(areas, case.segments, "{name}");

        if name.ends_with("_semantic") {
            let semantic = postprocess::semantic(&predictions, &frame, &config, &categories).expect(name);
            assert_same(&format!("{name}: classes"), semantic.data(), &values(&golden, "semantic")?);
        }
    }
    Ok(())
}

/// A scene whose mask logits make the given map: the way back to the photo is all that is left to do.
fn the_way_back_to_the_photo_is_deeplab2s() -> Result<()> {
    let Some(folder) = kmax_goldens::golden_files("tf/postprocess", &["undo_preprocessing.safetensors"])
    else {
        return Ok(());
    };
    let golden = Golden::read(&folder.join("undo_preprocessing.safetensors"));
    let map = golden.get("panoptic_in");
    let (height, width) = map.dims2()?;
    let labels = values(&golden, "panoptic_in")?;
    let mut distinct = labels.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let queries = distinct.len();
    let hot = |yes| if yes { 20.0 } else { 0.0 };
    let mask_logits =
        distinct.iter().flat_map(|id| labels.iter().map(move |label| hot(label == id))).collect();
    let class_logits = (0..queries).flat_map(|q| (0..=queries).map(move |class| hot(class == q))).collect();
    let predictions = QueryLogits {
        queries,
        classes: queries,
        class_logits,
        mask_logits,
        mask_size: [height, width],
        alignment: Alignment::Corners,
    };
    // Category ids are the labels themselves, 0 (void) among them.
    let space = LabelSpace { head_order_dataset_ids: distinct, num_things: queries };
    let categories = categories(&space);
    let config = PostprocessConfig { thing_area_limit: 0, ..PostprocessConfig::coco() };
    let names: Vec<_> = golden.names().into_iter().filter_map(|name| name.strip_prefix("crop_")).collect();
    assert_eq!(names.len(), 4);
    for name in names {
        let sizes: Vec<usize> =
            name.split("_to_").flat_map(|size| size.split('x')).map(|n| n.parse().expect("n")).collect();
        let [h, w, photo_h, photo_w] = sizes[..] else { panic!("{name}: four sides") };
        let frame = Frame { input: [height, width], content: [h, w], image: [photo_h, photo_w] };
        let panoptic = postprocess::panoptic(&predictions, &frame, &config, &categories).expect(name);
        let ours: Vec<u32> = panoptic.semantic(u32::MAX).data().to_vec();
        assert_same(name, &ours, &values(&golden, &format!("crop_{name}"))?);
    }
    Ok(())
}

kmax_goldens::tests!(every_method_is_deeplab2s, the_way_back_to_the_photo_is_deeplab2s);

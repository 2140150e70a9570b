//! COCONut's networks, settings and post-processing against its own code. The values lie in `data/coconut`, with a description.

mod coconut_values;
mod common;

use candle_core::DType;
use coconut_values::{data, floats, tensors};
use common::{Result, Weights, network, preset};
use kmax_convert::names::pytorch::from_pytorch;
use kmax_goldens::{Noise, Synth, assert_close_values};
use kmax_kernels::Alignment;
use kmax_masks::{Categories, Category};
use kmax_model::ResizeConfig;
use kmax_model::postprocess::{self, Frame, QueryLogits, Scope};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

fn forward(key: &str, name: &str) -> Result<()> {
    let config = preset(name)?;
    let weights: Weights =
        coconut_values::weights(&config)?.into_iter().map(|(ours, _, tensor)| (ours, tensor)).collect();
    coconut_values::check(key, &network(&config, weights, DType::F64)?)
}

fn resnet50_in_deeplab2s_form() -> Result<()> {
    forward("r50_tf", "kmax-resnet50-coco.coconut-s-tf")
}

fn resnet50_in_detectron2s_form() -> Result<()> {
    forward("r50_torch", "kmax-resnet50-coco.coconut-s-torch")
}

/// COCONut's ConvNeXt-L is the port's network (see the tests of the presets); the smallest one passes through the same code.
fn convnext() -> Result<()> {
    forward("convnext_tiny", "kmax-convnext-tiny-coco.pytorch")
}

/// The two ResNets differ by far more than what the tests above allow.
fn the_resnets_are_different_networks() -> Result<()> {
    let golden = data("forward.json");
    let values = |key: &str| floats(&golden[key]["pred_logits"]["values"]);
    let (tf, torch) = (values("r50_tf"), values("r50_torch"));
    let differing = tf.iter().zip(&torch).filter(|(a, b)| (*a - *b).abs() > 1e-3).count();
    assert!(differing > tf.len() / 2, "{differing} of {}", tf.len());
    Ok(())
}

/// What a checkpoint holds: our names for it give COCONut's state dict, name for name.
fn state_dicts() -> Result<()> {
    let configs = data("configs.json");
    for (key, name) in PRESETS {
        let mut lines = Vec::new();
        for (_, theirs, shape) in tensors(&preset(name)?)? {
            assert!(from_pytorch(&theirs).is_some(), "{theirs}");
            lines.push(format!("{theirs} {shape:?} float32"));
            if let Some(norm) = theirs.strip_suffix(".running_mean") {
                lines.push(format!("{norm}.num_batches_tracked [] int64"));
            }
        }
        // By name, as they were written.
        lines.sort_by(|a, b| a.split(' ').next().cmp(&b.split(' ').next()));
        let digest = Sha256::digest(lines.join("\n").as_bytes());
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let expected = &configs[key]["state_dict"];
        assert_eq!(
            (json!(lines.len()), json!(digest)),
            (expected["tensors"].clone(), expected["sha256"].clone()),
            "{key}"
        );
    }
    assert_eq!(configs["r50_tf"]["state_dict"], configs["r50_torch"]["state_dict"]);
    Ok(())
}

/// Configurations and the presets made from them.
const PRESETS: [(&str, &str); 7] = [
    ("r50_tf", "kmax-resnet50-coco.coconut-s-tf"),
    ("r50_tf", "kmax-resnet50-coco.coconut-b-tf"),
    ("r50_torch", "kmax-resnet50-coco.coconut-s-torch"),
    ("r50_torch", "kmax-resnet50-coco.coconut-b-torch"),
    ("convnext_large", "kmax-convnext-large-coco.coconut-s"),
    ("convnext_large", "kmax-convnext-large-coco.coconut-b"),
    ("convnext_large", "kmax-convnext-large-coco.coconut-l"),
];

fn settings() -> Result<()> {
    let configs = data("configs.json");
    let all: BTreeSet<_> = kmax_model::Preset::all().iter().map(kmax_model::Preset::name).collect();
    assert_eq!(all.iter().filter(|name| name.contains(".coconut")).count(), PRESETS.len());
    for (key, name) in PRESETS {
        let (config, theirs) = (preset(name)?, &configs[key]);
        let (network, losses, post, input) =
            (&config.network, &config.losses, &config.postprocess, &config.preprocess);
        let check = |what: &str, ours: Value, theirs: &Value| {
            let list = |value: &Value| if value.is_array() { floats(value) } else { floats(&json!([value])) };
            let noise = Noise { atol: 0.0, rtol: 1e-7 };
            assert_close_values(&format!("{name} {what}"), &list(&ours), &list(theirs), noise);
        };
        check("size", json!(input.size), &theirs["image_size"]);
        check("mean", json!(input.mean), &theirs["pixel_mean"]);
        check("deviation", json!(input.std), &theirs["pixel_std"]);
        assert_eq!(theirs["format"], "RGB");
        let ResizeConfig::Pytorch { shortest_edge, longest_edge } = input.resize else {
            return Err(format!("{name}: not the port's resize").into());
        };
        check("shortest edge", json!(shortest_edge), &theirs["min_size_test"]);
        check("longest edge", json!(longest_edge), &theirs["max_size_test"]);
        check("classes", json!(network.classes), &theirs["num_classes"]);
        check("queries", json!(network.decoder.queries), &theirs["num_queries"]);
        check("layers", json!(network.decoder.layers), &theirs["layers"]);
        check("drop path", json!(network.decoder.drop_path), &theirs["drop_path_prob"]);
        let stages = &network.pixel_decoder.stages;
        let blocks: Vec<_> = stages.iter().map(|stage| stage.blocks).collect();
        check("blocks", json!(blocks), &theirs["pixel_decoder"]["layers"]);
        let channels: Vec<_> = stages.iter().map(|stage| stage.channels).collect();
        check("channels", json!(channels), &theirs["pixel_decoder"]["channels"]);
        if let kmax_backbones::BackboneConfig::ConvNeXt(backbone) = &network.backbone {
            check("stochastic depth", json!(backbone.drop_path), &theirs["convnext_drop_path"]);
        }
        for (ours, name) in common::loss_settings(losses) {
            check(name, json!(ours), &theirs["loss"][name]);
        }
        assert_eq!(json!(losses.shared_matching), theirs["loss"]["SHARE_FINAL_MATCHING"]);
        assert_eq!(json!(losses.deep_supervision), theirs["loss"]["DEEP_SUPERVISION"]);
        assert!(losses.mask_void_pixels, "without a choice there");
        for (ours, name) in [
            (post.pixel_threshold, "OBJECT_MASK_THRESHOLD"),
            (post.class_threshold_thing, "CLASS_THRESHOLD_THING"),
            (post.class_threshold_stuff, "CLASS_THRESHOLD_STUFF"),
            (post.overlap_threshold, "OVERLAP_THRESHOLD"),
            (post.reorder_class_weight, "REORDER_CLASS_WEIGHT"),
            (post.reorder_mask_weight, "REORDER_MASK_WEIGHT"),
            (post.thing_area_limit as f32, "THING_AREA_LIMIT"),
            (post.stuff_area_limit as f32, "STUFF_AREA_LIMIT"),
        ] {
            check(name, json!(ours), &theirs["test"][name]);
        }
        check("instances", json!(post.max_instances), &theirs["detections_per_image"]);
    }
    Ok(())
}

fn post_processing() -> Result<()> {
    let golden = data("postprocess.json");
    let number = |name: &str| golden[name].as_u64().map(|n| n as usize).ok_or_else(|| format!("no {name}"));
    let (queries, classes, things) = (number("queries")?, number("classes")?, number("things")?);
    let size = floats(&golden["size"]);
    let [height, width] = [size[0] as usize, size[1] as usize];
    // Coarse patches, each pixel with a little of its own.
    let values = |name: &str, shape: &[usize], scale| -> Result<Vec<f32>> {
        Ok(Synth::tensor(name, shape, 0.0, scale)?.flatten_all()?.to_vec1()?)
    };
    let coarse = values("coconut.mask_logits", &[queries, 4, 5], 8.0)?;
    let mut mask_logits = values("coconut.mask_detail", &[queries, height, width], 0.5)?;
    for (i, logit) in mask_logits.iter_mut().enumerate() {
        let (query, y, x) = (i / (height * width), i / width % height, i % width);
        *logit += coarse[(query * 4 + y * 4 / height) * 5 + x * 5 / width];
    }
    let predictions = QueryLogits {
        queries,
        classes,
        class_logits: values("coconut.class_logits", &[queries, classes + 1], 3.0)?,
        mask_logits,
        mask_size: [height, width],
        alignment: Alignment::Corners,
    };
    let category = |id| Category {
        id,
        name: id.to_string(),
        isthing: (id as usize) < things,
        color: [0; 3],
        supercategory: None,
    };
    let categories = Categories::new((0..classes as u32).map(category).collect())?;
    let frame = Frame::whole([height, width]);
    let config = preset("kmax-resnet50-coco.coconut-s-tf")?.postprocess;

    let found = postprocess::panoptic(&predictions, &frame, &config, &categories)?;
    assert_eq!(json!(found.map.data()), golden["panoptic"], "panoptic map");
    let segments: Vec<Value> = found
        .segments
        .iter()
        .map(|s| json!({"id": s.id, "isthing": categories.is_thing(s.category_id), "category_id": s.category_id}))
        .collect();
    assert_eq!(json!(segments), golden["segments"]);

    let found = postprocess::semantic(&predictions, &frame, &config, &categories)?;
    assert_eq!(json!(found.data()), golden["semantic"], "semantic map");

    let found = postprocess::instances(&predictions, &frame, &config, &categories, Scope::Things)?;
    let expected = golden["instances"].as_array().ok_or("no instances")?;
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(json!(found.category_id), expected["class"]);
        assert_close_values(
            "score",
            &[f64::from(found.score)],
            &floats(&json!([expected["score"]])),
            Noise { atol: 0.0, rtol: 1e-5 },
        );
        assert_eq!(json!(found.mask.area()), expected["pixels"]);
    }
    Ok(())
}

kmax_goldens::tests!(
    resnet50_in_deeplab2s_form,
    resnet50_in_detectron2s_form,
    convnext,
    the_resnets_are_different_networks,
    state_dicts,
    settings,
    post_processing
);

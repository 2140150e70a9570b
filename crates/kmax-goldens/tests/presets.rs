//! Every preset against the settings of its original's configuration, and every tensor of its checkpoint by name.

mod common;

use kmax_backbones::{BackboneConfig, Level};
use kmax_convert::names::rows::ClassRows;
use kmax_convert::names::{deeplab2, pytorch};
use kmax_goldens::{Manifest, Noise, assert_close_values, golden};
use kmax_heads::SemanticKind;
use kmax_masks::Categories;
use kmax_model::{Config, Preset, ResizeConfig};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn read(path: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(serde_json::from_str(&text)?)
}

/// `kmax-convnext-large-ade20k.deeplab2-1281` as backbone, dataset and the tag.
fn parts(preset: &str) -> Option<(&str, &str, &str)> {
    let name = preset.strip_prefix("kmax-")?;
    ["coco", "cityscapes", "ade20k"].into_iter().find_map(|dataset| {
        let (backbone, rest) = name.split_once(&format!("-{dataset}."))?;
        Some((backbone, dataset, rest))
    })
}

/// PyTorch's presets with the keys of their configurations, which are the names of their manifests.
fn of_pytorch() -> Vec<(String, Config)> {
    let presets = Preset::all().into_iter().filter_map(|preset| {
        let name = preset.name();
        let (backbone, dataset, _) = parts(&name).filter(|(_, _, rest)| *rest == "pytorch")?;
        let backbone = backbone.replace("resnet50", "r50").replace('-', "_");
        Some((format!("{dataset}_{backbone}"), preset.config()))
    });
    presets.collect()
}

/// deeplab2's presets with the keys of their configurations and the names of their manifests.
fn of_deeplab2() -> Vec<(String, String, Config)> {
    let presets = Preset::all().into_iter().filter_map(|preset| {
        let name = preset.name();
        let (backbone, dataset, rest) = parts(&name)
            .filter(|(_, _, rest)| rest.starts_with("deeplab2") && *rest != "deeplab2-unlabeled")?;
        let backbone = backbone.replace('-', "_");
        let side = if rest == "deeplab2-1281" { "_res1281" } else { "" };
        let short = backbone.replace("resnet50", "r50").replace("maxs", "axial_r50");
        let long = backbone.replace("maxs", "axial_resnet50");
        let key = format!("kmax_meta_{short}_os32{side}/{dataset}");
        Some((key, format!("{dataset}_{long}"), preset.config()))
    });
    presets.collect()
}

fn same(what: &str, ours: Value, theirs: &Value) {
    // Numbers compare by value: an integer there may be a float here.
    let numbers = |value: &Value| -> Vec<f64> {
        let list = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        list.iter().map(|v| v.as_f64().unwrap_or_else(|| panic!("{what}: {value} is no number"))).collect()
    };
    assert_close_values(what, &numbers(&ours), &numbers(theirs), Noise { atol: 0.0, rtol: 1e-7 });
}

fn drop_path(backbone: &BackboneConfig) -> f64 {
    match backbone {
        BackboneConfig::ResNet(config) => config.drop_path,
        BackboneConfig::ConvNeXt(config) => config.drop_path,
        BackboneConfig::EfficientNetLite(_) => 0.0,
    }
}

/// Learnt values, by the prefix of their names; running statistics do not count.
fn parameters(config: &Config, prefix: &str, semantic: bool) -> Result<usize> {
    let shapes = config.network.shapes(semantic)?;
    let learnt = shapes.iter().filter(|(name, _)| name.starts_with(prefix) && !name.contains(".running_"));
    Ok(learnt.map(|(_, shape)| shape.iter().product::<usize>()).sum())
}

fn settings_of_the_port() -> Result<()> {
    let Some(folder) = golden("torch") else { return Ok(()) };
    let configs = read(&folder.join("configs.json"))?;
    let presets = of_pytorch();
    assert_eq!(configs.as_object().map(|all| all.len()), Some(presets.len()));
    for (key, config) in presets {
        let theirs = &configs[&key];
        let (network, losses, post) = (&config.network, &config.losses, &config.postprocess);
        let check = |what: &str, ours: Value, theirs: &Value| same(&format!("{key} {what}"), ours, theirs);
        check("classes", json!(network.classes), &theirs["num_classes"]);
        check("things", json!(config.thing_ids()), &theirs["thing_class_ids"]);
        check("queries", json!(network.decoder.queries), &theirs["transformer"]["num_queries"]);
        check("layers", json!(network.decoder.layers), &theirs["transformer"]["layers"]);
        check("drop path", json!(network.decoder.drop_path), &theirs["transformer"]["drop_path_prob"]);
        let names: Vec<Value> = network.levels.iter().map(|level| json!(level)).collect();
        assert_eq!(json!(names), theirs["pixel_decoder"]["in_features_in_order"], "{key}");
        let stages = &network.pixel_decoder.stages;
        let kinds: Vec<Value> = stages.iter().map(|stage| json!(stage.kind)).collect();
        assert_eq!(json!(kinds), theirs["pixel_decoder"]["types"], "{key}");
        let blocks: Vec<_> = stages.iter().map(|stage| stage.blocks).collect();
        check("blocks", json!(blocks), &theirs["pixel_decoder"]["layers"]);
        let channels: Vec<_> = stages.iter().map(|stage| stage.channels).collect();
        check("channels", json!(channels), &theirs["pixel_decoder"]["channels"]);
        check(
            "decoder drop path",
            json!(network.pixel_decoder.drop_path),
            &theirs["pixel_decoder"]["drop_path_prob"],
        );
        for (name, level) in ["stem", "res2", "res3", "res4", "res5"].into_iter().zip(Level::ALL) {
            if let Some(feature) = theirs["backbone_features"].get(name) {
                check(name, json!(network.backbone.channels(level)), &feature["channels"]);
            }
        }
        if let Some(convnext) = theirs.get("convnext") {
            check("stochastic depth", json!(drop_path(&network.backbone)), &convnext["drop_path_rate"]);
        }
        let decoder = network.semantic_head.kind == SemanticKind::Decoder;
        assert_eq!(json!(decoder), theirs["aux_semantic_decoder"], "{key}");
        for (ours, name) in common::loss_settings(losses) {
            check(name, json!(ours), &theirs["loss"][name]);
        }
        for (ours, name) in [
            (losses.shared_matching, "SHARE_FINAL_MATCHING"),
            (losses.deep_supervision, "DEEP_SUPERVISION"),
            (losses.mask_void_pixels, "MASKING_VOID_PIXEL"),
        ] {
            assert_eq!(json!(ours), theirs["loss"][name], "{key} {name}");
        }
        for (ours, name) in [
            (post.pixel_threshold, "PIXEL_CONFIDENCE_THRESHOLD"),
            (post.class_threshold_thing, "CLASS_THRESHOLD_THING"),
            (post.class_threshold_stuff, "CLASS_THRESHOLD_STUFF"),
            (post.overlap_threshold, "OVERLAP_THRESHOLD"),
            (post.reorder_class_weight, "REORDER_CLASS_WEIGHT"),
            (post.reorder_mask_weight, "REORDER_MASK_WEIGHT"),
        ] {
            check(name, json!(ours), &theirs["test"][name]);
        }
        check("instances", json!(post.max_instances), &theirs["detections_per_image"]);
        let input = &config.preprocess;
        check("size", json!(input.size), &theirs["image_size"]);
        check("mean", json!(input.mean), &theirs["pixel_mean"]);
        check("deviation", json!(input.std), &theirs["pixel_std"]);
        let ResizeConfig::Pytorch { shortest_edge, longest_edge } = input.resize else {
            return Err(format!("{key}: not the port's resize").into());
        };
        check("shortest edge", json!(shortest_edge), &theirs["min_size_test"]);
        check("longest edge", json!(longest_edge), &theirs["max_size_test"]);
        check("parameters", json!(parameters(&config, "", true)?), &theirs["parameters"]);
        let inference = json!(parameters(&config, "", false)?);
        check("parameters for inference", inference, &theirs["parameters_without_auxiliary_semantic"]);
        let backbone = json!(parameters(&config, "backbone.", false)?);
        check("parameters of the backbone", backbone, &theirs["parameters_backbone"]);
    }
    Ok(())
}

fn settings_of_deeplab2() -> Result<()> {
    let Some(folder) = golden("tf") else { return Ok(()) };
    let configs = read(&folder.join("configs.json"))?;
    let presets = of_deeplab2();
    assert_eq!(configs.as_object().map(|all| all.len()), Some(presets.len() + 1));
    for (key, _, config) in presets {
        let theirs = configs.get(&key).ok_or_else(|| format!("{key}: no such configuration"))?;
        let dataset = key.split_once('/').map_or("", |(_, dataset)| dataset);
        let coded = &configs["_hard_coded_by_dataset"][dataset];
        let (network, losses, post) = (&config.network, &config.losses, &config.postprocess);
        let check = |what: &str, ours: Value, theirs: &Value| same(&format!("{key} {what}"), ours, theirs);
        let keep = |drop: f64| json!(1.0 - drop);
        check("drop path", keep(drop_path(&network.backbone)), &theirs["drop_path_keep_prob"]);
        let decoder_keep = &coded["transformer_decoder_drop_path_keep_prob"];
        check("decoder drop path", keep(network.decoder.drop_path), decoder_keep);
        check("queries", json!(network.decoder.queries), &coded["num_mask_slots"]);
        let decoder = network.semantic_head.kind == SemanticKind::Decoder;
        assert_eq!(json!(decoder), coded["auxiliary_semantic_decoder"], "{key}");
        // deeplab2 asks for stride 2 on Cityscapes and gets the stride of the encoder's first stage.
        let convnext = matches!(network.backbone, BackboneConfig::ConvNeXt(_));
        let stride = if convnext { &json!(4) } else { &coded["high_resolution_output_stride"] };
        check("stride", json!(network.mask_stride()), stride);
        check("semantic outputs", json!(network.semantic_head.outputs), &theirs["semantic_head"][1]);
        let head = [network.decoder.head_hidden, network.decoder.embedding];
        check("pixel space head", json!(head), &theirs["pixel_space_head"]);
        let (weights, sampling) = (&theirs["loss_weights"], &theirs["sampling"]);
        check("class weight", json!(losses.class_weight), &weights["pq_style"]);
        check("dice weight", json!(losses.dice_weight), &weights["pq_style"]);
        check("mask weight", json!(losses.mask_weight), &weights["mask_id_cross_entropy"]);
        check("pixel weight", json!(losses.pixel_weight), &weights["instance_discrimination"]);
        check("semantic weight", json!(losses.semantic_weight), &weights["semantic"]);
        check("top k", json!(losses.semantic_top_k), &weights["semantic_top_k_percent"]);
        check("samples", json!(losses.pixel_samples), &sampling["instance_discrimination_sample_k"]);
        let temperature = &sampling["instance_discrimination_sample_temperature"];
        check("temperature", json!(losses.pixel_sample_temperature), temperature);
        let temperature = &sampling["semantic_sample_temperature"];
        check("semantic temperature", json!(losses.semantic_sample_temperature), temperature);
        let eval = &theirs["eval"];
        check("pixel threshold", json!(post.pixel_threshold), &eval["pixel_confidence_threshold"]);
        check("thing threshold", json!(post.class_threshold_thing), &eval["maskwise"]["thing"]);
        check("stuff threshold", json!(post.class_threshold_stuff), &eval["maskwise"]["stuff"]);
        check("overlap", json!(post.overlap_threshold), &eval["maskwise"]["overlapping"]);
        check("class exponent", json!(post.reorder_class_weight), &eval["maskwise"]["reorder_class_weight"]);
        check("mask exponent", json!(post.reorder_mask_weight), &eval["maskwise"]["reorder_mask_weight"]);
        check("thing area", json!(post.thing_area_limit), &eval["thing_area_limit"]);
        check("stuff area", json!(post.stuff_area_limit), &eval["stuff_area_limit"]);
        assert_eq!(json!(post.method), eval["post_processing"], "{key}");
        check("size", json!(config.preprocess.size), &eval["crop"]);
        let ResizeConfig::Deeplab2 { min, max } = config.preprocess.resize else {
            return Err(format!("{key}: not deeplab2's resize").into());
        };
        for (ours, theirs) in [(min, &eval["min_resize"]), (max, &eval["max_resize"])] {
            check("resize", json!([ours.map_or(0, |sides| sides[0])]), theirs);
            assert!(ours.is_none_or(|sides| sides[0] == sides[1]), "{key}");
        }
    }
    // The order of the heads, which the post-processing goldens state.
    let spaces = &read(&folder.join("postprocess/cases.json"))?["label_spaces"];
    for (name, dataset) in [
        ("coco", Categories::coco_panoptic()),
        ("cityscapes", Categories::cityscapes()),
        ("ade20k", Categories::ade20k()),
    ] {
        let preset = Preset::named(&format!("kmax-resnet50-{name}")).ok_or("no preset")?;
        let first = usize::from(name != "cityscapes");
        let config = preset.config();
        let ids = config.categories.iter().map(|class| dataset.index_of(class.id).map(|i| i + first));
        let ids: Option<Vec<usize>> = ids.collect();
        same(name, json!(ids), &spaces[name]["head_order_dataset_ids"]);
    }
    Ok(())
}

type Shapes = BTreeMap<String, Vec<usize>>;

fn names_of_every_port_checkpoint() -> Result<()> {
    let Some(folder) = golden("torch/manifests") else { return Ok(()) };
    for (key, config) in of_pytorch() {
        let flat = config.network.semantic_head.kind == SemanticKind::Flat;
        let mut found = Shapes::new();
        for row in Manifest::read(&folder.join(format!("{key}.json"))).0 {
            if pytorch::is_counter(&row.name) {
                assert_eq!(pytorch::from_pytorch(&row.name), None);
                continue;
            }
            let ours =
                pytorch::from_pytorch(&row.name).ok_or_else(|| format!("{key}: no name for {}", row.name))?;
            assert_eq!(pytorch::to_pytorch(&ours, flat).as_ref(), Some(&row.name), "{key}");
            assert!(found.insert(ours, row.shape).is_none(), "{key}: {} twice", row.name);
        }
        same_tensors(&key, &found, &config.network.shapes(true)?);
    }
    Ok(())
}

fn names_of_every_deeplab2_checkpoint() -> Result<()> {
    let Some(folder) = golden("tf/manifests") else { return Ok(()) };
    for (_, manifest, config) in of_deeplab2() {
        let inception = manifest.contains("axial");
        let mut found = Shapes::new();
        for row in Manifest::read(&folder.join(format!("{manifest}.json"))).0 {
            let unknown = || format!("{manifest}: no name for {} {:?}", row.name, row.shape);
            assert!(!deeplab2::is_bookkeeping(&row.name), "{manifest}: {}", row.name);
            let (ours, layout) = deeplab2::from_deeplab2(&row.name).ok_or_else(unknown)?;
            assert_eq!(deeplab2::to_deeplab2(&ours, inception).as_ref(), Some(&row.name), "{manifest}");
            let shape = layout.shape(&row.shape).ok_or_else(unknown)?;
            assert!(found.insert(ours, shape).is_none(), "{manifest}: {} twice", row.name);
        }
        same_tensors(&manifest, &found, &config.network.shapes(true)?);
    }
    Ok(())
}

/// ImageNet encoders, of both writers.
fn names_of_every_imagenet_checkpoint() -> Result<()> {
    let Some(folder) = golden("tf/manifests/backbones") else { return Ok(()) };
    let mut seen = 0;
    for entry in std::fs::read_dir(&folder)? {
        let path = entry?.path();
        let manifest = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_string();
        let backbone = manifest.trim_start_matches("imagenet_").trim_end_matches("_model_garden");
        let preset = backbone.replace("axial_resnet50", "maxs").replace('_', "-");
        let preset = Preset::named(&format!("kmax-{preset}-coco"))
            .ok_or_else(|| format!("no preset for {manifest}"))?;
        let mut found = Shapes::new();
        for row in Manifest::read(&path).0 {
            let unknown = || format!("{manifest}: no name for {}", row.name);
            let (ours, layout) = deeplab2::from_deeplab2(&row.name).ok_or_else(unknown)?;
            found.insert(ours, layout.shape(&row.shape).ok_or_else(unknown)?);
        }
        let mut expected = preset.config().network.shapes(false)?;
        expected.retain(|name, _| name.starts_with("backbone."));
        same_tensors(&manifest, &found, &expected);
        seen += 1;
    }
    assert_eq!(seen, 8);
    Ok(())
}

fn same_tensors(what: &str, found: &Shapes, expected: &Shapes) {
    let missing: Vec<_> = expected.keys().filter(|name| !found.contains_key(*name)).collect();
    let unused: Vec<_> = found.keys().filter(|name| !expected.contains_key(*name)).collect();
    assert!(missing.is_empty() && unused.is_empty(), "{what}: missing {missing:?}, unused {unused:?}");
    for (name, shape) in expected {
        assert_eq!(&found[name], shape, "{what}: {name}");
    }
    kmax_goldens::say(&format!("{what}: {} tensors", expected.len()));
}

/// Both maps lead to the same tensor of ours, arranged and ordered as the port's own converter does.
fn both_maps_agree() -> Result<()> {
    let Some(folder) = golden("name_map") else { return Ok(()) };
    for entry in std::fs::read_dir(&folder)? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_string();
        let (dataset, first) = match name.split('_').next() {
            Some("coco") => (Categories::coco_panoptic(), true),
            Some("cityscapes") => (Categories::cityscapes(), false),
            _ => (Categories::ade20k(), true),
        };
        let things: Vec<bool> = dataset.iter().map(|class| class.isthing).collect();
        let rows = ClassRows::new(&things, first, false);
        for row in read(&path)?.as_array().ok_or("no rows")? {
            let (tf, torch) = (row["tf"].as_str().ok_or("tf")?, row["torch"].as_str().ok_or("torch")?);
            let sizes = |key: &str| -> Result<Vec<usize>> { Ok(serde_json::from_value(row[key].clone())?) };
            let (ours, layout) = deeplab2::from_deeplab2(tf).ok_or_else(|| format!("no name for {tf}"))?;
            assert_eq!(pytorch::from_pytorch(torch).as_ref(), Some(&ours), "{name}: {tf}");
            let shape = sizes("tf_shape")?;
            assert_eq!(layout.shape(&shape), Some(sizes("torch_shape")?), "{name}: {tf}");
            // Axes of size 1 may stand anywhere.
            let wide = |axes: Vec<usize>| axes.into_iter().filter(|a| shape[*a] > 1).collect::<Vec<_>>();
            let order = layout.permutation(shape.len()).ok_or_else(|| format!("no order for {tf}"))?;
            assert_eq!(wide(order), wide(sizes("permute")?), "{name}: {tf}");
            let theirs: Option<Vec<usize>> = row.get("rows").map(|_| sizes("rows")).transpose()?;
            let count = shape.last().copied().unwrap_or_default();
            let identity: Vec<usize> = (0..count).collect();
            if !ours.starts_with("semantic_head.") {
                let expected = theirs.unwrap_or_else(|| identity.clone());
                assert_eq!(rows.of(&ours).unwrap_or(&identity), expected, "{name}: {tf}");
            }
        }
    }
    Ok(())
}

kmax_goldens::tests!(
    settings_of_the_port,
    settings_of_deeplab2,
    names_of_every_port_checkpoint,
    names_of_every_deeplab2_checkpoint,
    names_of_every_imagenet_checkpoint,
    both_maps_agree
);

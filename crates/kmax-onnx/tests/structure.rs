//! The files that are written, as messages: whole, in order, and with the names that `docs/ONNX.md` promises.

mod tiny;

use candle_core::{DType, Device, Tensor};
use kmax_model::{Config, PreprocessConfig, Preset};
use kmax_onnx::proto::{GraphMessage, Model};
use kmax_onnx::{Batch, ErrorKind, Exported, InputSize, Options, Precision, export_weights};
use prost::Message;
use std::collections::{HashMap, HashSet};
use tiny::{Result, configs, weights};

fn exported(config: &Config, options: &Options) -> Result<Exported> {
    Ok(export_weights("tiny", config, weights(config)?, options)?)
}

/// Options of many kinds, all of which go with every model whose inputs have one size.
fn variants() -> Vec<Options> {
    let all = Options { preprocess: true, postprocess: true, ..Options::default() };
    vec![
        Options::default(),
        Options { opset: 21, precision: Precision::Float16, ..Options::default() },
        Options { size: InputSize::Free, batch: Batch::Free, ..Options::default() },
        Options { size: InputSize::Fixed([96, 64]), batch: Batch::Fixed(3), opset: 18, ..Options::default() },
        Options { postprocess: true, size: InputSize::Free, ..Options::default() },
        Options { steps: true, size: InputSize::Free, batch: Batch::Free, ..Options::default() },
        Options { steps: true, ..all.clone() },
        all,
    ]
}

/// Every node takes what stands before it, and everything is made once.
fn check_order(graph: &GraphMessage, outside: &HashSet<String>) {
    let mut known = outside.clone();
    let given = graph.input.iter().filter_map(|value| value.name.clone());
    for name in given.chain(graph.initializer.iter().filter_map(|tensor| tensor.name.clone())) {
        assert!(known.insert(name.clone()), "{name} is defined twice");
    }
    for node in &graph.node {
        let name = node.name.as_deref().unwrap_or_default();
        for input in node.input.iter().filter(|input| !input.is_empty()) {
            assert!(known.contains(input), "{name} takes {input} before it is made");
        }
        for body in node.attribute.iter().filter_map(|attribute| attribute.g.as_ref()) {
            check_order(body, &known);
        }
        for output in &node.output {
            assert!(known.insert(output.clone()), "{output} is made twice");
        }
    }
    for output in &graph.output {
        assert!(known.contains(output.name.as_deref().unwrap_or_default()), "{output:?}");
    }
}

#[test]
fn every_model_is_written_in_an_order_that_runs_and_uses_every_constant() -> Result<()> {
    for (name, config) in configs() {
        let weights = weights(&config)?;
        for options in variants() {
            let exported = export_weights("tiny", &config, weights.clone(), &options)?;
            let graph = exported.message().graph.as_ref().expect("a graph");
            check_order(graph, &HashSet::new());
            let bodies = graph.node.iter().flat_map(|node| &node.attribute).filter_map(|a| a.g.as_ref());
            let nodes = graph.node.iter().chain(bodies.flat_map(|body| &body.node));
            let used: HashSet<&String> = nodes.flat_map(|node| &node.input).collect();
            for tensor in &graph.initializer {
                let tensor_name = tensor.name.as_ref().expect("a name");
                assert!(used.contains(tensor_name), "{name}: {tensor_name} is not used");
                let values: i64 = tensor.dims.iter().product();
                let size = match tensor.data_type {
                    Some(1 | 6) => 4,
                    Some(7 | 11) => 8,
                    Some(10) => 2,
                    Some(2 | 9) => 1,
                    other => panic!("{tensor_name}: type {other:?}"),
                };
                let bytes = tensor.raw_data.as_ref().map_or(0, Vec::len);
                assert_eq!(bytes as i64, values * size, "{tensor_name}");
            }
        }
    }
    Ok(())
}

#[test]
fn the_bytes_of_a_file_are_its_message() -> Result<()> {
    let (_, config) = configs().remove(4);
    for options in variants() {
        let file = exported(&config, &options)?;
        let (message, size) = (file.message().clone(), file.size());
        let bytes = file.into_bytes();
        assert_eq!(bytes.len(), size);
        assert_eq!(Model::decode(bytes.as_slice())?, message);
        assert_eq!(message.opset_import[0].version, Some(i64::from(options.opset)));
    }
    Ok(())
}

#[test]
fn inputs_and_outputs_have_the_promised_names_and_shapes() -> Result<()> {
    let (_, config) = configs().remove(4);
    let told = |options: &Options| -> Result<Vec<String>> {
        let file = exported(&config, options)?;
        Ok(file.inputs().chain(file.outputs()).collect())
    };
    assert_eq!(
        told(&Options::default())?,
        [
            "pixel_values float32 [1, 3, 65, 97]",
            "class_logits float32 [1, 12, 17]",
            "mask_logits float32 [1, 12, 17, 25]"
        ]
    );
    assert_eq!(
        told(&Options { size: InputSize::Free, batch: Batch::Free, ..Options::default() })?,
        [
            "pixel_values float32 [batch, 3, height, width]",
            "class_logits float32 [batch, 12, 17]",
            "mask_logits float32 [batch, 12, height_4, width_4]"
        ]
    );
    let segments = [
        "panoptic_label_map int32 [image_height, image_width]",
        "segment_classes int64 [segments]",
        "segment_scores float32 [segments]",
    ];
    let whole = told(&Options { preprocess: true, postprocess: true, ..Options::default() })?;
    assert_eq!(whole[0], "image uint8 [image_height, image_width, 3]");
    assert_eq!(whole[1..], segments);
    let behind = told(&Options { postprocess: true, ..Options::default() })?;
    assert_eq!(behind[..2], ["pixel_values float32 [1, 3, 65, 97]", "image_size int64 [2]"]);
    assert_eq!(behind[2..], segments);
    let steps = told(&Options { steps: true, ..Options::default() })?;
    assert_eq!(steps[..3], told(&Options::default())?);
    assert_eq!(
        steps[3..5],
        ["step_1_class_logits float32 [1, 12, 17]", "step_1_mask_logits float32 [1, 12, 3, 4]"]
    );
    let layers: usize = config.network.decoder.layers.iter().sum();
    assert_eq!(steps.len(), 3 + 2 * layers);
    let last = format!("step_{layers}_mask_logits float32 [1, 12, 9, 13]");
    assert_eq!(steps.last(), Some(&last));
    Ok(())
}

#[test]
fn every_weight_of_the_network_is_asked_for() -> Result<()> {
    for (name, config) in configs() {
        let weights = weights(&config)?;
        let needed = config.network.shapes(false)?;
        assert_eq!(weights.keys().collect::<HashSet<_>>(), needed.keys().collect(), "{name}");
        // Classes are asked of the last predictor alone.
        let of_layers = |name: &str| name.contains("layers.") && name.contains(".predictor.class.");
        for missing in needed.keys().filter(|name| !of_layers(name)).step_by(37) {
            let mut fewer = weights.clone();
            fewer.remove(missing);
            let error = export_weights("tiny", &config, fewer, &Options::default()).expect_err(missing);
            assert!(error.to_string().contains(missing.as_str()), "{error}");
            assert_eq!(error.kind(), ErrorKind::Incompatible);
        }
    }
    Ok(())
}

#[test]
fn the_metadata_name_classes_and_settings() -> Result<()> {
    let (_, config) = configs().remove(4);
    let file = exported(&config, &Options::default())?;
    let properties: HashMap<_, _> = file
        .message()
        .metadata_props
        .iter()
        .map(|p| (p.key.clone().unwrap_or_default(), p.value.clone().unwrap_or_default()))
        .collect();
    let json = |key: &str| -> Result<serde_json::Value> { Ok(serde_json::from_str(&properties[key])?) };
    assert_eq!(json("categories")?[1]["name"], "skin");
    assert_eq!(json("categories")?[1]["isthing"], false);
    assert_eq!(json("names")?["15"], "accessory");
    assert_eq!(json("preprocess")?["image_std"][0], 127.5);
    assert_eq!(json("postprocess")?["pixel_threshold"].as_f64().map(|v| (v * 1e4).round()), Some(4000.0));
    Ok(())
}

#[test]
fn what_does_not_go_together_is_refused_in_words() -> Result<()> {
    let (_, config) = configs().remove(4);
    let fitted = Config { preprocess: PreprocessConfig::fit(65), ..config.clone() };
    let base = Options::default();
    let with = Options { preprocess: true, ..base.clone() };
    for (config, options, part) in [
        (&config, Options { opset: 16, ..base.clone() }, "17 to 21"),
        (&config, Options { opset: 99, ..base.clone() }, "99"),
        (&config, Options { size: InputSize::Fixed([100, 64]), ..base.clone() }, "100 x 64"),
        (&config, Options { size: InputSize::Fixed([64, 0]), ..base.clone() }, "from 32"),
        (&config, Options { size: InputSize::Fixed([64, 1 << 20]), ..base.clone() }, "16384"),
        (&config, Options { batch: Batch::Fixed(0), ..base.clone() }, "batch of 0"),
        (&config, Options { batch: Batch::Fixed(2), postprocess: true, ..base.clone() }, "one image"),
        (&config, Options { batch: Batch::Free, ..with.clone() }, "one image"),
        (&config, Options { size: InputSize::Free, ..with.clone() }, "65 x 97"),
        (&config, Options { size: InputSize::Fixed([97, 65]), ..with.clone() }, "not 97 x 65"),
        (&fitted, Options { size: InputSize::Fixed([65, 65]), ..with.clone() }, "follow the shape"),
        // The pixel decoder's attention at stride 16 reaches over 255 positions.
        (&config, Options { size: InputSize::Fixed([4097, 64]), ..base.clone() }, "257"),
    ] {
        let error = exported(config, &options).expect_err(part);
        let error = error.downcast::<kmax_onnx::Error>()?;
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        assert!(error.to_string().contains(part), "`{part}` is not in: {error}");
    }
    Ok(())
}

#[test]
fn a_weight_beyond_half_precision_is_named() -> Result<()> {
    let (_, config) = configs().remove(4);
    let mut weights = weights(&config)?;
    let name = "decoder.class_projection.weight";
    let huge = Tensor::full(1e5f32, weights[name].shape(), &Device::Cpu)?.to_dtype(DType::F32)?;
    weights.insert(name.into(), huge);
    let half = Options { precision: Precision::Float16, ..Options::default() };
    let error = export_weights("tiny", &config, weights, &half).expect_err("too large");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains(name), "{error}");
    Ok(())
}

#[test]
fn published_networks_are_written_as_well() -> Result<()> {
    // Names and shapes of all parts, in full depth and a fraction of the width.
    for name in [
        "kmax-maxs-coco.deeplab2",
        "kmax-convnext-large-coco.coconut-l",
        "kmax-resnet50-coco.coconut-s-torch",
    ] {
        let mut config = Preset::named(name).ok_or("a preset")?.config();
        match &mut config.network.backbone {
            kmax_backbones::BackboneConfig::ResNet(backbone) => backbone.width = 8,
            kmax_backbones::BackboneConfig::ConvNeXt(backbone) => backbone.dims = [8, 8, 16, 16],
            other => panic!("{other:?}"),
        }
        for stage in &mut config.network.pixel_decoder.stages {
            stage.channels = 8;
        }
        let graph = exported(&config, &Options { size: InputSize::Fixed([65, 65]), ..Options::default() })?;
        check_order(graph.message().graph.as_ref().expect("a graph"), &HashSet::new());
    }
    Ok(())
}

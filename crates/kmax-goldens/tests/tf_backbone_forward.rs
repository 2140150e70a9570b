//! Whole backbones against deeplab2, with its weights.

use candle_core::{DType, Device, Tensor};
use kmax_backbones::{BackboneConfig, ConvNeXtSize, Level, build};
use kmax_convert::names::deeplab2_axial::from_deeplab2;
use kmax_convert::names::pytorch_backbone::from_pytorch;
use kmax_goldens::{Golden, Manifest, Noise, assert_close, golden, image_tensor};
use kmax_nn::{Mode, Params};
use serde::Deserialize;
use std::collections::HashMap;
use std::error::Error;

type Weights = HashMap<String, Tensor>;

#[derive(Deserialize)]
struct Row {
    tf: String,
    torch: String,
    permute: Vec<usize>,
    torch_shape: Vec<usize>,
}

/// The encoder of a deeplab2 manifest under our names, by way of the port's.
fn by_port(manifest: &str) -> Result<Option<Weights>, Box<dyn Error>> {
    let Some(folder) = golden("") else { return Ok(None) };
    let rows: Vec<Row> =
        serde_json::from_str(&std::fs::read_to_string(folder.join(format!("name_map/{manifest}.json")))?)?;
    let rows: HashMap<_, _> = rows.into_iter().map(|row| (row.tf.clone(), row)).collect();
    let manifest = Manifest::read(&folder.join(format!("tf/manifests/{manifest}.json")));
    let mut weights = Weights::new();
    for source in manifest.0.iter().filter(|row| row.name.starts_with("encoder/")) {
        let row = rows.get(&source.name).ok_or_else(|| format!("{}: not in the name map", source.name))?;
        let ours = from_pytorch(&row.torch).ok_or_else(|| format!("{}: no name of ours", row.torch))?;
        let tensor = source.tensor()?.permute(row.permute.as_slice())?.contiguous()?;
        weights.insert(ours, tensor.reshape(row.torch_shape.as_slice())?);
    }
    Ok(Some(weights))
}

/// The same by deeplab2's own names.
fn by_deeplab2(manifest: &str) -> Result<Option<Weights>, Box<dyn Error>> {
    let Some(folder) = golden("tf/manifests") else { return Ok(None) };
    let manifest = Manifest::read(&folder.join(format!("{manifest}.json")));
    let mut weights = Weights::new();
    for source in manifest.0.iter().filter(|row| row.name.contains("encoder/")) {
        let unknown = || format!("{}: no name of ours", source.name);
        let (ours, layout) = from_deeplab2(&source.name).ok_or_else(unknown)?;
        let order = layout.permutation(source.shape.len()).ok_or_else(unknown)?;
        let shape = layout.shape(&source.shape).ok_or_else(unknown)?;
        let tensor = source.tensor()?.permute(order.as_slice())?.contiguous()?.reshape(shape.as_slice())?;
        assert!(weights.insert(ours, tensor).is_none(), "{}: its name of ours is taken", source.name);
    }
    Ok(Some(weights))
}

/// What a map may differ by, over its RMS.
struct Tolerance {
    /// By our float64 run, whose distance is the noise of TensorFlow's float32 run alone.
    double: f64,
    /// By our float32 run, which has noise of its own.
    single: f64,
}

fn forward(
    manifest: &str,
    weights: Weights,
    config: &BackboneConfig,
    tolerance: Tolerance,
) -> Result<(), Box<dyn Error>> {
    let Some(folder) = golden("tf/forward") else { return Ok(()) };
    let stored = Golden::read(&folder.join(format!("{manifest}_129.safetensors")));
    let report: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("report.json"))?)?;
    let rms = |key: &str| {
        let rms = &report[format!("{manifest}_129")]["rms"][key];
        rms.as_f64().unwrap_or_else(|| panic!("{manifest}: no rms of {key}"))
    };
    for (dtype, tolerance) in [(DType::F64, tolerance.double), (DType::F32, tolerance.single)] {
        let params = Params::frozen(weights.clone(), dtype, &Device::Cpu);
        let network = build(config, &params.pp("backbone"))?;
        assert!(params.unused().is_empty(), "{manifest}: unused {:?}", params.unused());
        let (mean, std) = config.normalization();
        let image = ((image_tensor("golden-image", 129, 129)?.to_dtype(dtype)? - mean)? / std)?;
        let features = network.forward(&image, &Mode::eval())?;
        for (stage, level) in (1..).zip(Level::ALL) {
            let key = format!("encoder/stage{stage}");
            let map = features.get(level).permute((0, 2, 3, 1))?.contiguous()?;
            let (map, expected) = match stored.find(&key) {
                Some(expected) => (map, expected),
                None => (every_second(&map)?, stored.get(&format!("{key}@s2"))),
            };
            let what = format!("{manifest} {key} {dtype:?}");
            let largest = assert_close(&what, &map, &expected, Noise::abs(tolerance * rms(&key)))?;
            // What the auxiliary semantic decoder reads; the golden has its size only, to five places.
            let activated = features.activated(level)?.to_dtype(DType::F64)?;
            let activated = activated.sqr()?.mean_all()?.to_scalar::<f64>()?.sqrt();
            assert!((activated - rms(&format!("encoder/res{stage}"))).abs() < 1e-5, "{what}: activated");
            kmax_goldens::say(&format!("{what}: within {largest:.1e} at RMS {:.2}", rms(&key)));
        }
    }
    Ok(())
}

/// Rows and columns 0, 2, 4, … of `[b, h, w, c]`.
fn every_second(x: &Tensor) -> Result<Tensor, Box<dyn Error>> {
    let index = |size: usize| Tensor::arange_step(0u32, size as u32, 2, &Device::Cpu);
    Ok(x.index_select(&index(x.dim(1)?)?, 1)?.index_select(&index(x.dim(2)?)?, 2)?)
}

// TensorFlow's float32 noise, by the float64 run, is up to 7e-6 of the RMS for the two below, and 4e-5 for MaX-S, whose
// attention amplifies it.
const PLAIN: Tolerance = Tolerance { double: 1.5e-5, single: 3e-5 };

fn resnet50() -> Result<(), Box<dyn Error>> {
    let Some(weights) = by_port("coco_resnet50")? else { return Ok(()) };
    forward("coco_resnet50", weights, &BackboneConfig::resnet50_deeplab2(), PLAIN)
}

fn convnext_tiny() -> Result<(), Box<dyn Error>> {
    let Some(weights) = by_port("coco_convnext_tiny")? else { return Ok(()) };
    forward("coco_convnext_tiny", weights, &BackboneConfig::convnext(ConvNeXtSize::Tiny, 0.3), PLAIN)
}

fn max_s() -> Result<(), Box<dyn Error>> {
    let Some(weights) = by_deeplab2("coco_axial_resnet50")? else { return Ok(()) };
    let tolerance = Tolerance { double: 8e-5, single: 1.6e-4 };
    forward("coco_axial_resnet50", weights, &BackboneConfig::max_s(), tolerance)
}

fn both_ways_to_our_names_agree() -> Result<(), Box<dyn Error>> {
    let (Some(a), Some(b)) = (by_port("coco_resnet50")?, by_deeplab2("coco_resnet50")?) else {
        return Ok(());
    };
    assert_eq!(a.len(), b.len());
    for (name, tensor) in &a {
        let difference = (tensor - b.get(name).ok_or_else(|| format!("{name} is missing"))?)?.abs()?;
        assert_eq!(difference.flatten_all()?.max(0)?.to_scalar::<f32>()?, 0.0, "{name}");
    }
    Ok(())
}

/// Every (axial) ResNet manifest, the ImageNet ones included, holds what we build.
fn names_of_every_manifest() -> Result<(), Box<dyn Error>> {
    for manifest in [
        "coco_resnet50",
        "coco_axial_resnet50",
        "cityscapes_resnet50",
        "cityscapes_axial_resnet50",
        "ade20k_resnet50",
        "backbones/imagenet_resnet50",
        "backbones/imagenet_resnet50_model_garden",
        "backbones/imagenet_axial_resnet50",
        "backbones/imagenet_axial_resnet50_model_garden",
    ] {
        let Some(weights) = by_deeplab2(manifest)? else { return Ok(()) };
        let axial = manifest.contains("axial");
        let config = if axial { BackboneConfig::max_s() } else { BackboneConfig::resnet50_deeplab2() };
        let params = Params::frozen(weights, DType::F32, &Device::Cpu);
        build(&config, &params.pp("backbone")).map_err(|e| format!("{manifest}: {e}"))?;
        assert!(params.unused().is_empty(), "{manifest}: unused {:?}", params.unused());
    }
    Ok(())
}

kmax_goldens::tests!(resnet50, convnext_tiny, max_s, both_ways_to_our_names_agree, names_of_every_manifest);

//! Whole backbones against deeplab2, with its weights.

use candle_core::{DType, Device, Tensor};
use kmax_backbones::{BackboneConfig, ConvNeXtSize, Level, build};
use kmax_checkpoints::names::port_backbone::from_port;
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
        let ours = from_port(&row.torch).ok_or_else(|| format!("{}: no name of ours", row.torch))?;
        let tensor = source.tensor()?.permute(row.permute.as_slice())?.contiguous()?;
        weights.insert(ours, tensor.reshape(row.torch_shape.as_slice())?);
    }
    Ok(Some(weights))
}

/// `tolerance` is relative to the RMS of each map.
fn forward(
    manifest: &str,
    weights: Weights,
    config: &BackboneConfig,
    tolerance: f64,
) -> Result<(), Box<dyn Error>> {
    let Some(folder) = golden("tf/forward") else { return Ok(()) };
    let params = Params::frozen(weights, DType::F32, &Device::Cpu);
    let network = build(config, &params.pp("backbone"))?;
    assert!(params.unused().is_empty(), "{manifest}: unused {:?}", params.unused());

    let (mean, std) = config.normalization();
    let image = ((image_tensor("golden-image", 129, 129)? - mean)? / std)?;
    let features = network.forward(&image, &Mode::eval())?;
    let stored = Golden::read(&folder.join(format!("{manifest}_129.safetensors")));
    let report: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("report.json"))?)?;
    let rms = |key: &str| {
        let rms = &report[format!("{manifest}_129")]["rms"][key];
        rms.as_f64().unwrap_or_else(|| panic!("{manifest}: no rms of {key}"))
    };
    for (stage, level) in (1..).zip(Level::ALL) {
        let key = format!("encoder/stage{stage}");
        let map = features.get(level).permute((0, 2, 3, 1))?.contiguous()?;
        let (map, expected) = match stored.find(&key) {
            Some(expected) => (map, expected),
            None => (every_second(&map)?, stored.get(&format!("{key}@s2"))),
        };
        let what = format!("{manifest} {key}");
        let largest = assert_close(&what, &map, &expected, Noise::abs(tolerance * rms(&key)))?;
        // What the auxiliary semantic decoder reads; the golden has its size only.
        let activated = features.activated(level)?.sqr()?.mean_all()?.to_scalar::<f32>()?;
        let expected = rms(&format!("encoder/res{stage}"));
        assert!((f64::from(activated).sqrt() - expected).abs() < 2e-5, "{what}: activated");
        eprintln!("{what}: within {largest:.1e} at RMS {:.2}", rms(&key));
    }
    Ok(())
}

/// Rows and columns 0, 2, 4, … of `[b, h, w, c]`.
fn every_second(x: &Tensor) -> Result<Tensor, Box<dyn Error>> {
    let index = |size: usize| Tensor::arange_step(0u32, size as u32, 2, &Device::Cpu);
    Ok(x.index_select(&index(x.dim(1)?)?, 1)?.index_select(&index(x.dim(2)?)?, 2)?)
}

// The official float32 runs in two frameworks differ by 2e-6 of the RMS on average (crosscheck.json); the largest of
// some 10^5 values by ten times that.

#[test]
fn resnet50() -> Result<(), Box<dyn Error>> {
    let Some(weights) = by_port("coco_resnet50")? else { return Ok(()) };
    forward("coco_resnet50", weights, &BackboneConfig::resnet50_tf(), 2e-5)
}

#[test]
fn convnext_tiny() -> Result<(), Box<dyn Error>> {
    let Some(weights) = by_port("coco_convnext_tiny")? else { return Ok(()) };
    forward("coco_convnext_tiny", weights, &BackboneConfig::convnext(ConvNeXtSize::Tiny, 0.3), 2e-5)
}

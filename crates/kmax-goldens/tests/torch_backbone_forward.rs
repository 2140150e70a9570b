//! Whole backbones against the PyTorch port, and its parameter names.

use candle_core::{DType, Device, Tensor};
use kmax_backbones::{BackboneConfig, ConvNeXtSize, Level, build};
use kmax_convert::names::pytorch_backbone::{from_pytorch, to_pytorch};
use kmax_goldens::{Golden, Manifest, Noise, assert_close, golden, image_tensor};
use kmax_nn::{Mode, Params};
use std::collections::HashMap;
use std::error::Error;
use std::path::Path;

/// The backbone rows of a manifest under our names.
fn weights(folder: &Path, manifest: &str) -> Result<HashMap<String, Tensor>, Box<dyn Error>> {
    let manifest = Manifest::read(&folder.join("manifests").join(format!("{manifest}.json")));
    let rows = manifest.0.iter().filter_map(|row| Some((from_pytorch(&row.name)?, row)));
    Ok(rows.map(|(ours, row)| Ok((ours, row.tensor()?))).collect::<candle_core::Result<_>>()?)
}

fn forward(manifest: &str, config: &BackboneConfig, levels: &[(&str, Level)]) -> Result<(), Box<dyn Error>> {
    let Some(folder) = golden("torch") else { return Ok(()) };
    let params = Params::frozen(weights(&folder, manifest)?, DType::F32, &Device::Cpu);
    let network = build(config, &params.pp("backbone"))?;
    assert!(params.unused().is_empty(), "{manifest}: unused {:?}", params.unused());

    let (mean, std) = config.normalization();
    let image = ((image_tensor("golden-image", 129, 129)? - mean)? / std)?;
    let features = network.forward(&image, &Mode::eval())?;
    let stored = Golden::read(&folder.join(format!("forward/{manifest}_129.safetensors")));
    let info = std::fs::read_to_string(folder.join("forward/info.json"))?;
    let info: serde_json::Value = serde_json::from_str(&info)?;
    for (name, level) in levels {
        let noise =
            &info[manifest]["image_129"]["f32_vs_f64"][format!("backbone.{name}")]["max_abs_f32_minus_f64"];
        let noise = noise.as_f64().ok_or_else(|| format!("{manifest} {name}: no noise"))?;
        let what = format!("{manifest} {name}");
        let expected = stored.get(&format!("backbone.{name}"));
        let largest = assert_close(&what, features.get(*level), &expected, Noise::abs(5.0 * noise))?;
        kmax_goldens::say(&format!("{what}: within {largest:.1e}, noise of the original {noise:.1e}"));
    }
    Ok(())
}

fn resnet50() -> Result<(), Box<dyn Error>> {
    let levels = [("res3", Level::Res3), ("res4", Level::Res4), ("res5", Level::Res5)];
    forward("coco_r50", &BackboneConfig::resnet50_pytorch(), &levels)
}

fn resnet50_stem() -> Result<(), Box<dyn Error>> {
    forward("cityscapes_r50", &BackboneConfig::resnet50_pytorch(), &[("stem", Level::Stem)])
}

fn convnext_tiny() -> Result<(), Box<dyn Error>> {
    let levels = [Level::Res2, Level::Res3, Level::Res4, Level::Res5];
    let levels: Vec<_> = ["res2", "res3", "res4", "res5"].into_iter().zip(levels).collect();
    forward("coco_convnext_tiny", &BackboneConfig::convnext(ConvNeXtSize::Tiny, 0.3), &levels)
}

/// Every backbone row of every manifest has a name of ours, which leads back; together they are what we build.
fn names_of_every_manifest() -> Result<(), Box<dyn Error>> {
    let Some(folder) = golden("torch") else { return Ok(()) };
    let mut rows = 0;
    for entry in std::fs::read_dir(folder.join("manifests"))? {
        let path = entry?.path();
        let variant = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default().to_string();
        let mut ours = HashMap::new();
        for row in Manifest::read(&path).0 {
            if !row.name.starts_with("backbone.") || row.name.ends_with("num_batches_tracked") {
                assert_eq!(from_pytorch(&row.name), None, "{variant}: {}", row.name);
                continue;
            }
            let name =
                from_pytorch(&row.name).unwrap_or_else(|| panic!("{variant}: no name for {}", row.name));
            assert_eq!(to_pytorch(&name).as_ref(), Some(&row.name), "{variant}");
            // One shared zero: the shapes are what is looked at.
            let zero = Tensor::zeros((), DType::F16, &Device::Cpu)?.broadcast_as(row.shape.as_slice())?;
            assert!(ours.insert(name, zero).is_none(), "{variant}: two rows share a name");
        }
        rows += ours.len();
        let convnext = |size| BackboneConfig::convnext(size, 0.0);
        let config = match variant.split_once('_').map_or("", |(_, backbone)| backbone) {
            "r50" | "r50_train" => BackboneConfig::resnet50_pytorch(),
            "convnext_tiny" => convnext(ConvNeXtSize::Tiny),
            "convnext_small" => convnext(ConvNeXtSize::Small),
            "convnext_base" => convnext(ConvNeXtSize::Base),
            "convnext_large" => convnext(ConvNeXtSize::Large),
            other => panic!("unknown backbone {other}"),
        };
        let params = Params::frozen(ours, DType::F16, &Device::Cpu);
        build(&config, &params.pp("backbone")).map_err(|e| format!("{variant}: {e}"))?;
        assert!(params.unused().is_empty(), "{variant}: unused {:?}", params.unused());
    }
    assert!(rows > 2000, "{rows} rows");
    Ok(())
}

kmax_goldens::tests!(resnet50, resnet50_stem, convnext_tiny, names_of_every_manifest);

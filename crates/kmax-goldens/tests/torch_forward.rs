//! Whole models against the PyTorch port at 129x129: every stage, and the k-means assignments pixel for pixel.

mod common;

use candle_core::DType;
use common::{Result, mismatches, network, normalised, port_trace, port_weights, preset};
use kmax_goldens::{Golden, Manifest, Noise, assert_close, golden, image_tensor, report};
use serde_json::Value;

/// What we allow is this many times the distance of the official float32 run from the float64 one.
const TIMES: f64 = 5.0;

fn check(key: &str, name: &str) -> Result<()> {
    let Some(folder) = golden("torch") else { return Ok(()) };
    let info: Value = serde_json::from_slice(&std::fs::read(folder.join("forward/info.json"))?)?;
    let config = preset(name)?;
    let weights = port_weights(&Manifest::read(&folder.join(format!("manifests/{key}.json"))))?;
    let network = network(&config, weights, DType::F32)?;
    for (file, image, size, run) in [
        (format!("{key}_129"), "golden-image", [129, 129], "image_129"),
        (format!("{key}_wide"), "golden-wide", [90, 129], "wide"),
    ] {
        let golden = Golden::read(&folder.join(format!("forward/{file}.safetensors")));
        let image = image_tensor(image, size[0], size[1])?;
        let stored = golden.get("image").permute((2, 0, 1))?.unsqueeze(0)?;
        assert_eq!(mismatches(&image, &stored)?, 0, "{file}: image");
        // Padding is zero after normalising.
        let input = normalised(&image, DType::F32)?.pad_with_zeros(2, 0, 129 - size[0])?;
        let ours = port_trace(&network, &input)?;
        let (mut largest, mut seen) = (0f64, 0);
        for name in golden.names().into_iter().filter(|name| *name != "image") {
            let (ours, expected) = (&ours[name], golden.get(name));
            let what = format!("{file} {name}");
            if name.ends_with("assignment") {
                assert_eq!(mismatches(ours, &expected)?, 0, "{what}");
                continue;
            }
            let noise = &info[key][run]["f32_vs_f64"][name]["max_abs_f32_minus_f64"];
            let noise = noise.as_f64().ok_or_else(|| format!("{what}: no noise"))?;
            let difference = assert_close(&what, ours, &expected, Noise::abs(TIMES * noise))?;
            largest = if noise > 0.0 { largest.max(difference / noise) } else { largest };
            seen += 1;
        }
        report(
            &format!("torch/forward/{file}, {seen} tensors"),
            &format!("{TIMES} x noise"),
            &format!("{largest:.2} x noise"),
        );
    }
    Ok(())
}

fn resnet50_coco() -> Result<()> {
    check("coco_r50", "kmax-resnet50-coco.pytorch")
}

fn convnext_tiny_coco() -> Result<()> {
    check("coco_convnext_tiny", "kmax-convnext-tiny-coco.pytorch")
}

fn resnet50_cityscapes() -> Result<()> {
    check("cityscapes_r50", "kmax-resnet50-cityscapes.pytorch")
}

kmax_goldens::tests!(resnet50_coco, convnext_tiny_coco, resnet50_cityscapes);

//! Model folders against the forward goldens of the reference implementation that their weights are from.

use candle_core::{DType, Device, Tensor};
use kmax_convert::names::rows::ClassRows;
use kmax_goldens::{Golden, Noise, assert_close, golden, image_tensor};
use kmax_model::{Config, KMaxDeepLab, Model, Trace};
use kmax_nn::{Mode, Params};
use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;

pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A line of the table in `docs/CONVERSION.md`.
pub fn report(model: &str, tolerance: &str, largest: &str) {
    kmax_goldens::say(&format!("| {model} | {tolerance} | {largest} |"));
}

/// What a converted model computes for the goldens' image.
fn trace(folder: &Path) -> Result<(Config, Trace)> {
    let model = Model::open(folder)?;
    assert!(model.warnings().is_empty(), "{:?}", model.warnings());
    let params = Params::frozen(model.weights().clone(), DType::F32, &Device::Cpu);
    let network = KMaxDeepLab::with_semantic_head(&model.config().network, &params)?;
    let input = ((image_tensor("golden-image", 129, 129)?.to_dtype(DType::F32)? - 127.5)? / 127.5)?;
    Ok((model.config().clone(), network.trace(&input, &Mode::eval())?))
}

fn channels_last(x: &Tensor) -> Result<Tensor> {
    Ok(x.permute((0, 2, 3, 1))?.contiguous()?)
}

/// `@sN`: every N-th row and column.
fn thinned(x: &Tensor, step: usize) -> Result<Tensor> {
    let index = |size: usize| Tensor::arange_step(0u32, size as u32, step as u32, &Device::Cpu);
    Ok(x.index_select(&index(x.dim(1)?)?, 1)?.index_select(&index(x.dim(2)?)?, 2)?)
}

/// The semantic logits of deeplab2 in our order of classes.
fn reordered(config: &Config, manifest: &str, logits: &Tensor) -> Result<Tensor> {
    let things: Vec<bool> = {
        // Ours are in the order of the head, the file's by id.
        let mut classes: Vec<_> = config.categories.iter().collect();
        classes.sort_by_key(|class| class.id);
        classes.iter().map(|class| class.isthing).collect()
    };
    let rows = ClassRows::new(&things, !manifest.starts_with("cityscapes"), true);
    let rows: Vec<u32> =
        rows.of("semantic_head.last.weight").ok_or("no rows")?.iter().map(|r| *r as u32).collect();
    Ok(logits.index_select(&Tensor::new(rows, &Device::Cpu)?, 3)?)
}

/// Compares a model converted from deeplab2 with deeplab2's outputs, if there are any for the manifest.
pub fn check_tf(manifest: &str, folder: &Path) -> Result<bool> {
    let Some(goldens) = golden("tf") else { return Ok(false) };
    let file = goldens.join(format!("forward/{manifest}_129.safetensors"));
    if !file.is_file() {
        return Ok(false);
    }
    let facts: Value = serde_json::from_slice(&std::fs::read(goldens.join("forward/report.json"))?)?;
    let golden = Golden::read(&file);
    let (config, Trace { decoder, semantic_logits, .. }) = trace(folder)?;
    let said = decoder.prediction;
    let masks = channels_last(&said.mask_logits)?;
    let assignment = masks.argmax(3)?.to_dtype(DType::I64)?;
    let ours = HashMap::from([
        ("output/transformer_class_logits", said.class_logits.ok_or("no class logits")?),
        ("output/pixel_space_mask_logits", masks),
        ("output/semantic_logits", channels_last(&semantic_logits.ok_or("no semantic logits")?)?),
    ]);
    // Over the RMS; MaX-S is deeper.
    let allowed = if manifest.contains("axial") { 2e-4 } else { 6e-5 };
    let (mut largest, mut seen) = (0f64, 0);
    for name in golden.names() {
        let (key, step) = name.split_once("@s").unwrap_or((name, "1"));
        let Some(found) = ours.get(key) else { continue };
        let what = format!("{manifest} {name}");
        let found = if step == "1" { found.clone() } else { thinned(found, step.parse()?)? };
        let mut expected = golden.get(name);
        if key == "output/semantic_logits" {
            expected = reordered(&config, manifest, &expected)?;
        }
        let rms = &facts[format!("{manifest}_129")]["rms"][key];
        let rms = rms.as_f64().ok_or_else(|| format!("{what}: no RMS"))?;
        largest = largest.max(assert_close(&what, &found, &expected, Noise::abs(allowed * rms))? / rms);
        seen += 1;
    }
    assert_eq!(seen, ours.len(), "{manifest}: goldens compared");
    assert_close(manifest, &assignment, &golden.get("output/assignment"), Noise::abs(0.0))?;
    report(
        &format!("converted tf/{manifest}"),
        &format!("{allowed:.0e} x RMS"),
        &format!("{largest:.1e} x RMS"),
    );
    Ok(true)
}

/// The same for the port.
pub fn check_torch(manifest: &str, folder: &Path) -> Result<bool> {
    let Some(goldens) = golden("torch") else { return Ok(false) };
    let file = goldens.join(format!("forward/{manifest}_129.safetensors"));
    if !file.is_file() {
        return Ok(false);
    }
    let info: Value = serde_json::from_slice(&std::fs::read(goldens.join("forward/info.json"))?)?;
    let golden = Golden::read(&file);
    let (_, Trace { decoder, semantic_logits, .. }) = trace(folder)?;
    let said = decoder.prediction;
    let ours = [
        ("pred_logits", said.class_logits.ok_or("no class logits")?),
        ("pred_masks", said.mask_logits),
        ("aux_semantic", semantic_logits.ok_or("no semantic logits")?),
    ];
    const TIMES: f64 = 5.0;
    let mut largest = 0f64;
    for (key, ours) in ours {
        // Not every file has all.
        let Some(expected) = golden.find(key) else { continue };
        let what = format!("{manifest} {key}");
        let noise = &info[manifest]["image_129"]["f32_vs_f64"][key]["max_abs_f32_minus_f64"];
        let noise = noise.as_f64().ok_or_else(|| format!("{what}: no noise"))?;
        largest = largest.max(assert_close(&what, &ours, &expected, Noise::abs(TIMES * noise))? / noise);
    }
    report(
        &format!("converted torch/{manifest}"),
        &format!("{TIMES} x noise"),
        &format!("{largest:.2} x noise"),
    );
    Ok(true)
}

//! Whole models against the PyTorch port at full size: 641 always, 1281 where `KMAX_FULL` is set (it takes minutes).

mod common;

use candle_core::{DType, Tensor};
use common::{Result, network, normalised, port_trace, port_weights, preset};
use kmax_goldens::{
    Golden, Manifest, ManifestRow, Noise, assert_close, assert_close_values, golden, image_tensor, report,
};
use serde_json::Value;

/// What we allow is this many times the distance of the official float32 run from the float64 one.
const TIMES: f64 = 5.0;

fn check(key: &str, name: &str, side: usize) -> Result<()> {
    let Some(folder) = golden("torch") else { return Ok(()) };
    let file = format!("{key}_{side}");
    let info: Value = serde_json::from_slice(&std::fs::read(folder.join("full/info.json"))?)?;
    let info = &info[&file];
    let mut manifest = Manifest::read(&folder.join(format!("manifests/{key}.json")));
    let overrides: Vec<ManifestRow> = serde_json::from_value(info["manifest_overrides"].clone())?;
    for other in overrides {
        let row = manifest.0.iter_mut().find(|row| row.name == other.name);
        row.ok_or_else(|| format!("{}: not in the manifest", other.name))?.clone_from(&other);
    }
    let network = network(&preset(name)?, port_weights(&manifest)?, DType::F32)?;
    let golden = Golden::read(&folder.join(format!("full/{file}.safetensors")));
    let input = normalised(&image_tensor("golden-full", side, side)?, DType::F32)?;
    let ours = port_trace(&network, &input)?;
    let fact = |name: &str, fact: &str| {
        info["stages"][name][fact].as_f64().unwrap_or_else(|| panic!("{file} {name}: no {fact}"))
    };
    let (mut largest, mut seen) = (0f64, 0);
    for name in golden.names() {
        let (what, expected) = (format!("{file} {name}"), golden.get(name));
        if let Some(layer) = name.strip_suffix(".cluster_pixel_count") {
            let assignment = ours[&format!("{layer}.assignment")].flatten_all()?.to_vec1::<u32>()?;
            let mut counts = vec![0i64; expected.elem_count()];
            assignment.iter().for_each(|query| counts[*query as usize] += 1);
            assert_eq!(counts, expected.to_vec1::<i64>()?, "{what}");
            continue;
        }
        let (stage, ours) = match name.strip_suffix("_sub8") {
            Some(stage) => (stage, every_eighth(&ours[stage])?),
            None => (name, ours[name].clone()),
        };
        let noise = fact(stage, "max_abs_f32_minus_f64");
        largest = largest.max(assert_close(&what, &ours, &expected, Noise::abs(TIMES * noise))? / noise);
        seen += 1;
    }
    // Stages that are not stored are described.
    for (name, tensor) in ours.iter().filter(|(name, _)| info["stages"].get(name.as_str()).is_some()) {
        if name.ends_with("assignment") {
            continue;
        }
        let values = tensor.to_dtype(DType::F64)?.flatten_all()?;
        let rms = values.sqr()?.mean_all()?.to_scalar::<f64>()?.sqrt();
        let mean = values.mean_all()?.to_scalar::<f64>()?;
        let most = values.abs()?.max(0)?.to_scalar::<f64>()?;
        // The noise of single values averages out in means, and bounds that of the largest.
        let (average, single) =
            (TIMES * fact(name, "rms_f32_minus_f64"), TIMES * fact(name, "max_abs_f32_minus_f64"));
        for (what, ours, allowed) in
            [("rms", rms, average), ("mean", mean, average), ("max_abs", most, single)]
        {
            let what_of = format!("{file} {name} {what}");
            // The facts are float32 values or averages of them.
            let noise = Noise { atol: allowed, rtol: 1e-6 };
            assert_close_values(&what_of, &[ours], &[fact(name, what)], noise);
        }
        seen += 1;
    }
    report(
        &format!("torch/full/{file}, {seen} tensors"),
        &format!("{TIMES} x noise"),
        &format!("{largest:.2} x noise"),
    );
    Ok(())
}

fn every_eighth(x: &Tensor) -> Result<Tensor> {
    let index = |size: usize| Tensor::arange_step(0u32, size as u32, 8, x.device());
    Ok(x.index_select(&index(x.dim(2)?)?, 2)?.index_select(&index(x.dim(3)?)?, 3)?)
}

fn resnet50_641() -> Result<()> {
    check("coco_r50", "kmax-resnet50-coco.pytorch", 641)
}

fn convnext_tiny_641() -> Result<()> {
    check("coco_convnext_tiny", "kmax-convnext-tiny-coco.pytorch", 641)
}

fn resnet50_1281() -> Result<()> {
    if std::env::var_os("KMAX_FULL").is_none() {
        kmax_goldens::skip("set KMAX_FULL to compare at 1281x1281");
        return Ok(());
    }
    check("coco_r50", "kmax-resnet50-coco.pytorch", 1281)
}

kmax_goldens::tests!(resnet50_641, convnext_tiny_641, resnet50_1281);

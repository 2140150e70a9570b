//! Weights by COCONut's names, and what its own code computes with them.

use crate::common::{Result, normalised, port_trace};
use candle_core::{DType, Tensor};
use kmax_convert::names::pytorch::to_pytorch;
use kmax_goldens::{Noise, Synth, assert_close_values, image_tensor, json, report};
use kmax_model::{Config, KMaxDeepLab};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Allowed difference over the root mean square of a tensor.
pub const NOISE: f64 = 1e-12;

pub fn data(file: &str) -> Value {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/coconut");
    json(&folder.join(file))
}

pub fn floats(value: &Value) -> Vec<f64> {
    let list = value.as_array().into_iter().flatten();
    list.map(|value| value.as_f64().expect("a number")).collect()
}

/// Offset and scale of a synthetic tensor, as the reference values were made.
fn rule(name: &str, shape: &[usize]) -> (f64, f64) {
    let leaf = name.rsplit('.').next().unwrap_or_default();
    match (leaf, shape) {
        ("running_var", _) if name.contains("_kmeans_query_batch_norm") => (100.0, 50.0),
        ("running_var", _) => (1.0, 0.5),
        ("gamma", _) => (0.5, 0.2),
        ("weight", [_]) => (1.0, 0.3),
        (_, [_]) => (0.0, 0.2),
        _ if name.contains("_embeddings") => (0.0, 0.3),
        _ if name.contains("_cluster_centers") => (0.0, 1.0),
        (_, [_, fan_in @ ..]) => (0.0, (3.0 / fan_in.iter().product::<usize>() as f64).sqrt()),
        _ => (0.0, 0.0),
    }
}

/// Names and shapes of a checkpoint, by our names for them.
pub fn tensors(config: &Config) -> Result<Vec<(String, String, Vec<usize>)>> {
    let shapes = config.network.shapes(true)?;
    let named = shapes.into_iter().map(|(ours, shape)| {
        let theirs = to_pytorch(&ours, false).ok_or_else(|| format!("no name for {ours}"))?;
        Ok((ours, theirs, shape))
    });
    named.collect()
}

/// The tensors of a checkpoint: our name, their name, and the values in float32.
pub fn weights(config: &Config) -> Result<Vec<(String, String, Tensor)>> {
    let drawn = tensors(config)?.into_iter().map(|(ours, theirs, shape)| {
        let (offset, scale) = rule(&theirs, &shape);
        let tensor = Synth::tensor(&theirs, &shape, offset, scale)?;
        Ok((ours, theirs, tensor))
    });
    drawn.collect()
}

/// Compares a network of these weights with what COCONut's own code computes.
pub fn check(key: &str, network: &KMaxDeepLab) -> Result<()> {
    let input = normalised(&image_tensor("golden-image", 65, 65)?, DType::F64)?;
    let ours = port_trace(network, &input)?;
    let golden = data("forward.json");
    let golden = golden[key].as_object().ok_or("no such network")?;
    let mut largest = 0f64;
    for (name, expected) in golden {
        let (tensor, what) = (ours.get(name).ok_or_else(|| format!("no {name}"))?, format!("{key} {name}"));
        let flat = tensor.flatten_all()?.to_dtype(DType::F64)?.to_vec1::<f64>()?;
        let values = floats(&expected["values"]);
        if name.ends_with("assignment") {
            assert_eq!(flat, values, "{what}");
            continue;
        }
        assert_eq!(json!(tensor.dims()), expected["shape"], "{what}");
        let rms = |values: &[f64]| (values.iter().map(|v| v * v).sum::<f64>() / values.len() as f64).sqrt();
        let theirs = expected["rms"].as_f64().ok_or("no rms")?;
        assert_close_values(&format!("{what}: rms"), &[rms(&flat)], &[theirs], Noise::abs(NOISE * theirs));
        let last = values.len().saturating_sub(1).max(1);
        let sampled: Vec<f64> = (0..values.len()).map(|i| flat[i * (flat.len() - 1) / last]).collect();
        let difference = assert_close_values(&what, &sampled, &values, Noise::abs(NOISE * theirs));
        largest = largest.max(difference / theirs);
    }
    assert_eq!(golden.len(), 4 + 4 + 6 * 5 + 4, "{key}");
    report(
        &format!("COCONut forward at 65, {key}, {} tensors, float64", golden.len()),
        &format!("{NOISE:e} x RMS"),
        &format!("{largest:.1e} x RMS"),
    );
    Ok(())
}

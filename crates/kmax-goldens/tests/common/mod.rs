//! Whole models with the synthetic weights of either original.

// Each test file uses its own part of this module.
#![allow(dead_code)]

use candle_core::{DType, Device, Tensor};
use kmax_backbones::Level;
use kmax_convert::names::rows::ClassRows;
use kmax_convert::names::{deeplab2, pytorch};
use kmax_goldens::Manifest;
use kmax_model::{Config, KMaxDeepLab, LossConfig, Preset, Trace};
use kmax_nn::{Mode, Params};
use std::collections::HashMap;
use std::error::Error;

pub mod train;

pub type Result<T> = std::result::Result<T, Box<dyn Error>>;
pub type Weights = HashMap<String, Tensor>;

/// The configuration of a preset.
pub fn preset(name: &str) -> Result<Config> {
    Ok(Preset::named(name).ok_or_else(|| format!("no preset {name}"))?.config())
}

/// The numbers of the losses, with their keys in detectron2's configurations of kMaX.
pub fn loss_settings(losses: &LossConfig) -> [(f64, &'static str); 10] {
    [
        (losses.class_weight, "CLASS_WEIGHT"),
        (losses.dice_weight, "DICE_WEIGHT"),
        (losses.mask_weight, "MASK_WEIGHT"),
        (losses.pixel_weight, "INSDIS_WEIGHT"),
        (losses.semantic_weight, "AUX_SEMANTIC_WEIGHT"),
        (losses.weight_floor, "NO_OBJECT_WEIGHT"),
        (losses.pixel_sample_temperature, "PIXEL_INSDIS_TEMPERATURE"),
        (losses.pixel_samples as f64, "PIXEL_INSDIS_SAMPLE_K"),
        (losses.semantic_sample_temperature, "AUX_SEMANTIC_TEMPERATURE"),
        (losses.semantic_samples as f64, "AUX_SEMANTIC_SAMPLE_K"),
    ]
}

/// The port's tensors under our names.
pub fn port_weights(manifest: &Manifest) -> Result<Weights> {
    let rows = manifest.0.iter().filter(|row| !pytorch::is_counter(&row.name));
    rows.map(|row| {
        let ours = pytorch::from_pytorch(&row.name).ok_or_else(|| format!("no name for {}", row.name))?;
        Ok((ours, row.tensor()?))
    })
    .collect()
}

/// deeplab2's tensors under our names and in our layouts, with class-indexed rows as `rows` says.
pub fn deeplab2_weights(manifest: &Manifest, rows: Option<&ClassRows>) -> Result<Weights> {
    let mut weights = Weights::new();
    for row in &manifest.0 {
        let unknown = || format!("no name for {}", row.name);
        let (ours, layout) = deeplab2::from_deeplab2(&row.name).ok_or_else(unknown)?;
        let order = layout.permutation(row.shape.len()).ok_or_else(unknown)?;
        let shape = layout.shape(&row.shape).ok_or_else(unknown)?;
        let tensor = row.tensor()?.permute(order.as_slice())?.contiguous()?.reshape(shape.as_slice())?;
        let tensor = match rows.and_then(|rows| rows.of(&ours)) {
            None => tensor,
            Some(rows) => {
                let rows: Vec<u32> = rows.iter().map(|row| *row as u32).collect();
                tensor.index_select(&Tensor::new(rows, &Device::Cpu)?, 0)?
            }
        };
        weights.insert(ours, tensor);
    }
    Ok(weights)
}

/// A network for evaluation with its auxiliary semantic head; every weight belongs to it.
pub fn network(config: &Config, weights: Weights, dtype: DType) -> Result<KMaxDeepLab> {
    let params = Params::frozen(weights, dtype, &Device::Cpu);
    let network = KMaxDeepLab::with_semantic_head(&config.network, &params)?;
    assert!(params.unused().is_empty(), "unused: {:?}", params.unused());
    Ok(network)
}

/// An 8-bit image `[1, 3, h, w]`, normalised as both originals do. In float64 first: Candle divides by multiplying.
pub fn normalised(image: &Tensor, dtype: DType) -> Result<Tensor> {
    Ok(((image.to_dtype(DType::F64)? - 127.5)? / 127.5)?.to_dtype(dtype)?)
}

/// Runs the network and names what it computed as the port's goldens do.
pub fn port_trace(network: &KMaxDeepLab, input: &Tensor) -> Result<HashMap<String, Tensor>> {
    let Trace { features, pixel, decoder, semantic_logits } = network.trace(input, &Mode::eval())?;
    let mut named = HashMap::from([("input".to_string(), input.clone())]);
    for (name, level) in ["stem", "res2", "res3", "res4", "res5"].into_iter().zip(Level::ALL) {
        named.insert(format!("backbone.{name}"), features.get(level).clone());
    }
    named.extend(pixel.into_iter().enumerate().map(|(i, map)| (format!("pixel_decoder.stage{i}"), map)));
    for (i, layer) in decoder.layers.into_iter().enumerate() {
        let classes = layer.prediction.class_logits.ok_or("no class logits")?;
        named.insert(format!("layer{i}.class_logits"), classes);
        named.insert(format!("layer{i}.mask_logits"), layer.prediction.mask_logits);
        named.insert(format!("layer{i}.pixel_feature"), layer.prediction.pixel_feature);
        named.insert(format!("layer{i}.assignment"), layer.assignment);
        named.insert(format!("layer{i}.query_feature"), layer.queries);
    }
    named.insert("pred_logits".into(), decoder.prediction.class_logits.ok_or("no class logits")?);
    named.insert("pred_masks".into(), decoder.prediction.mask_logits);
    named.insert("pixel_feature".into(), decoder.prediction.pixel_feature);
    named.insert("aux_semantic".into(), semantic_logits.ok_or("no semantic logits")?);
    Ok(named)
}

/// How many integers differ.
pub fn mismatches(ours: &Tensor, golden: &Tensor) -> Result<usize> {
    let flat = |t: &Tensor| t.to_dtype(DType::I64)?.flatten_all()?.to_vec1::<i64>();
    let (ours, golden) = (flat(ours)?, flat(golden)?);
    assert_eq!(ours.len(), golden.len());
    Ok(ours.iter().zip(&golden).filter(|(a, b)| a != b).count())
}

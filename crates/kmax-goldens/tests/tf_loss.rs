//! The criterion against deeplab2's, crowd regions and Cityscapes' top-k semantic loss included.

mod common;

use candle_core::{DType, Device, Tensor, Var};
use common::train::Deeplab2Labels;
use kmax_goldens::{Golden, Noise, assert_close, assert_close_values, golden};
use kmax_losses::{Criterion, LossConfig, Outputs, SupervisedPrediction, Targets};
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Names of the terms in deeplab2 and here.
const TERMS: [(&str, &str); 5] = [
    ("pq_style_loss_class_term", "class"),
    ("pq_style_loss_mask_dice_term", "dice"),
    ("mask_id_cross_entropy_loss", "mask"),
    ("instance_discrimination_loss", "pixels"),
    ("semantic_loss", "semantic"),
];

struct Case {
    info: Value,
    golden: Golden,
    /// Dataset ids in the order of the head's classes.
    order: Vec<i64>,
}

impl Case {
    fn number(&self, name: &str) -> f64 {
        self.info[name].as_f64().unwrap_or_else(|| panic!("no number {name}"))
    }

    fn config(&self) -> LossConfig {
        let weight = |name: &str| self.info["loss_weights"][name].as_f64().expect("a weight");
        LossConfig {
            class_weight: weight("pq_style"),
            dice_weight: weight("pq_style"),
            mask_weight: weight("mask_id_cross_entropy"),
            pixel_weight: weight("instance_discrimination"),
            semantic_weight: weight("semantic"),
            pixel_samples: self.number("instance_discrimination_sample_k") as usize,
            pixel_sample_temperature: self.number("instance_discrimination_sample_temperature"),
            pixel_temperature: self.number("instance_discrimination_temperature"),
            semantic_samples: self.number("semantic_sample_k_used") as usize,
            semantic_top_k: self.number("semantic_top_k_percent"),
            ..LossConfig::deeplab2()
        }
    }

    fn list(&self, name: &str) -> Result<Vec<Vec<i64>>> {
        let tensor = self.golden.get(name);
        let batch = tensor.dim(0)?;
        Ok(tensor
            .to_dtype(DType::F64)?
            .reshape((batch, ()))?
            .to_vec2::<f64>()?
            .into_iter()
            .map(to_i64)
            .collect())
    }

    /// Targets at the resolution of the mask logits, and the ground-truth row in deeplab2's list of each target.
    fn targets(&self) -> Result<(Vec<Targets>, Vec<Vec<usize>>)> {
        let [_, height, width] = self.golden.get("label").dims3().map(|(b, h, w)| [b, h, w])?;
        let (_, rows, columns, _) = self.golden.get("main/mask_logits").dims4()?;
        let step = (height - 1) / (rows - 1);
        let things = self.number("max_thing_id") as usize;
        let (semantic, thing_ids, thing_classes) =
            (self.list("semantic_gt")?, self.list("thing_id_mask")?, self.list("thing_id_class")?);
        let mut all = (Vec::new(), Vec::new());
        for image in 0..semantic.len() {
            let labels = Deeplab2Labels {
                semantic: &semantic[image],
                thing_ids: &thing_ids[image],
                thing_classes: &thing_classes[image][..things],
                order: &self.order,
                stuff: self.number("num_stuff") as usize,
                size: [height, width],
            };
            let (mut targets, row_of) = labels.targets([rows, columns])?;
            if let Some(weights) = self.golden.find("semantic_weight") {
                let weights = weights.get(image)?.to_vec2::<f32>()?;
                let thinned = weights.iter().step_by(step).flat_map(|row| row.iter().step_by(step).copied());
                targets = targets.with_semantic_weights(thinned.collect())?;
            }
            all.0.push(targets);
            all.1.push(row_of);
        }
        Ok(all)
    }

    /// Semantic channels in the head's order, what is left over behind.
    fn channels(&self, count: usize) -> Result<Tensor> {
        let rest = (0..count as i64).filter(|id| !self.order.contains(id));
        let order: Vec<i64> = self.order.iter().copied().chain(rest).collect();
        Ok(Tensor::from_vec(order, count, &Device::Cpu)?)
    }

    fn channels_first(&self, name: &str) -> Result<Tensor> {
        Ok(self.golden.get(name).permute((0, 3, 1, 2))?.contiguous()?)
    }

    fn semantic(&self, name: &str) -> Result<Tensor> {
        let tensor = self.channels_first(name)?;
        Ok(tensor.index_select(&self.channels(tensor.dim(1)?)?, 1)?)
    }
}

fn to_i64(values: Vec<f64>) -> Vec<i64> {
    values.into_iter().map(|v| v as i64).collect()
}

fn check(name: &str, case: &Case, dtype: DType) -> Result<()> {
    let mut vars: Vec<(String, Var, Tensor)> = Vec::new();
    let mut variable = |what: String, value: Tensor, gradient: Tensor| -> Result<Tensor> {
        let var = Var::from_tensor(&value.to_dtype(dtype)?)?;
        let tensor = var.as_tensor().clone();
        vars.push((what, var, gradient));
        Ok(tensor)
    };
    let count = case.number("auxiliary_outputs") as usize;
    let layers: Vec<String> =
        std::iter::once("main".into()).chain((0..count).map(|i| format!("aux{i}"))).collect();
    let mut predictions = Vec::new();
    let mut noise = HashMap::new();
    for (i, layer) in layers.iter().enumerate() {
        let get = |what: &str| format!("{layer}/{what}");
        let class = case.golden.get(&get("class_logits"));
        let class_gradient = case.golden.get(&get("grad_class_logits"));
        let mut image = |what: &str| {
            let gradient = case.channels_first(&get(&format!("grad_{what}")))?;
            variable(get(what), case.channels_first(&get(what))?, gradient)
        };
        let (mask_logits, pixel_features) = (image("mask_logits")?, Some(image("pixel_feature")?));
        let class_logits = variable(get("class_logits"), class, class_gradient)?;
        predictions.push(SupervisedPrediction { class_logits, mask_logits, pixel_features });
        let term = if i == 0 { "pixels".to_string() } else { format!("pixels_{}", i - 1) };
        noise.insert(term, case.golden.get(&get("uniform_noise")).flatten_all()?.to_vec1::<f32>()?);
    }
    let semantic = (case.semantic("semantic_logits")?, case.semantic("grad_semantic_logits")?);
    let semantic_logits = Some(variable("semantic_logits".into(), semantic.0, semantic.1)?);
    let last = predictions.remove(0);
    let outputs = Outputs { last, auxiliary: predictions, semantic_logits };
    let (targets, rows) = case.targets()?;
    let losses = Criterion::new(case.config())?.forward(&outputs, &targets, &noise)?;

    let slots = case.list("matched_slot_of_each_ground_truth_mask")?;
    for (image, matches) in losses.matches[0].iter().enumerate() {
        assert_eq!(matches.len(), rows[image].len(), "{name} {image}: matches");
        for found in matches {
            let row = rows[image][found.target];
            assert_eq!(found.query as i64, slots[image][row], "{name} {image}: slot of ground truth {row}");
        }
    }
    for (i, layer) in layers.iter().enumerate() {
        let term = if i == 0 { "pixels".to_string() } else { format!("pixels_{}", i - 1) };
        for (ours, golden) in losses.sampled[&term].iter().zip(case.list(&format!("{layer}/sampled_pixels"))?)
        {
            let ours: BTreeSet<i64> = ours.iter().map(|v| i64::from(*v)).collect();
            assert_eq!(ours, golden.into_iter().collect(), "{name} {term}: sampled pixels");
        }
    }
    // The official values are float32 themselves.
    let rounding = Noise { atol: 1e-7, rtol: 3e-6 };
    for term in &losses.terms {
        let (base, suffix) = term.name.split_once('_').unwrap_or((&term.name, ""));
        let (official, _) = TERMS.iter().find(|(_, ours)| *ours == base).expect("a known term");
        let key = if suffix.is_empty() { official.to_string() } else { format!("aux_{suffix}{official}") };
        let golden: Vec<f64> = serde_json::from_value(case.info["per_sample"][&key].clone())?;
        let ours: Vec<f64> = term.values.iter().map(|value| value * term.weight).collect();
        assert_close_values(&format!("{name} {key}"), &ours, &golden, rounding);
    }
    assert_close_values(&format!("{name} total"), &[losses.value], &[case.number("total_mean")], rounding);

    let gradients = losses.total.backward()?;
    for (what, var, golden) in &vars {
        let ours = gradients.get(var.as_tensor()).ok_or(format!("{name}: no gradient of {what}"))?;
        let largest = golden.abs()?.flatten_all()?.max(0)?.to_scalar::<f32>()?;
        let noise = Noise { atol: 3e-6 * f64::from(largest), rtol: 3e-6 };
        let difference = assert_close(&format!("{name} {what}"), ours, golden, noise)?;
        kmax_goldens::say(&format!(
            "{name} {dtype:?} {what}: {:.1e} of the largest",
            difference / f64::from(largest)
        ));
    }
    Ok(())
}

fn every_case_in_both_precisions() -> Result<()> {
    let Some(folder) = golden("tf") else { return Ok(()) };
    let cases: Value = serde_json::from_slice(&std::fs::read(folder.join("loss/cases.json"))?)?;
    for (name, info) in cases.as_object().expect("cases") {
        let golden = Golden::read(&folder.join(format!("loss/{name}.safetensors")));
        let order = serde_json::from_value(info["head_order_dataset_ids"].clone())?;
        let case = Case { info: info.clone(), golden, order };
        for dtype in [DType::F32, DType::F64] {
            check(name, &case, dtype)?;
        }
    }
    Ok(())
}

kmax_goldens::tests!(every_case_in_both_precisions);

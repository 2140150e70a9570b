//! Matching and criterion against the PyTorch port, in float32 and in float64.

use candle_core::{DType, Device, Tensor, Var};
use kmax_goldens::{Golden, Noise, assert_close, assert_close_values, golden};
use kmax_losses::{Criterion, LossConfig, Losses, Outputs, SupervisedPrediction, Targets, VOID};
use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Names of the terms in the port and here.
const TERMS: [(&str, &str); 5] = [
    ("loss_ce", "class"),
    ("loss_mask", "mask"),
    ("loss_dice", "dice"),
    ("loss_pixel_insdis", "pixels"),
    ("loss_aux_semantic", "semantic"),
];

/// One case: its settings, its values, and the file that holds its inputs.
struct Case {
    info: Value,
    golden: Golden,
    inputs: Golden,
}

impl Case {
    fn read(folder: &Path, info: &Value, name: &str) -> Self {
        let file = |name: &str| Golden::read(&folder.join(format!("loss/{name}.safetensors")));
        let golden = file(name);
        let own = golden.find("input.pred_logits").is_some();
        Self { info: info[name].clone(), inputs: file(if own { name } else { "deep_shared" }), golden }
    }

    fn number(&self, name: &str) -> f64 {
        self.info[name].as_f64().unwrap_or_else(|| panic!("no number {name}"))
    }

    fn config(&self) -> LossConfig {
        let weight = |name: &str| self.info["weights"][name].as_f64().expect("a weight");
        LossConfig {
            class_weight: weight("loss_ce"),
            dice_weight: weight("loss_dice"),
            mask_weight: weight("loss_mask"),
            pixel_weight: weight("loss_pixel_insdis"),
            semantic_weight: weight("loss_aux_semantic"),
            shared_matching: self.info["share_final_matching"] == true,
            weight_floor: self.number("eos_coef"),
            mask_void_pixels: self.info["masking_void_pixel"] == true,
            pixel_samples: self.number("pixel_insdis_sample_k") as usize,
            pixel_sample_temperature: self.number("pixel_insdis_temperature"),
            semantic_samples: self.number("aux_semantic_sample_k") as usize,
            semantic_sample_temperature: self.number("aux_semantic_temperature"),
            ..LossConfig::pytorch()
        }
    }

    fn targets(&self) -> Result<Vec<Targets>> {
        (0..2)
            .map(|image| {
                let get = |what: &str| self.inputs.get(&format!("target{image}.{what}"));
                let labels: Vec<u32> = get("labels").to_vec1::<i64>()?.iter().map(|v| *v as u32).collect();
                let semantic = get("semantic").flatten_all()?.to_vec1::<i64>()?;
                let semantic: Vec<u32> =
                    semantic.iter().map(|v| if *v < 0 { VOID } else { *v as u32 }).collect();
                let masks = get("masks").flatten_all()?.to_vec1::<u8>()?;
                Ok(Targets::from_masks(&labels, &masks, &semantic, [33, 33])?)
            })
            .collect()
    }

    fn noise(&self) -> Result<HashMap<String, Vec<f32>>> {
        let rows = self.golden.under("uniform.").into_iter();
        rows.map(|(name, values)| {
            Ok((name.replace("aux_semantic", "semantic"), values.flatten_all()?.to_vec1::<f32>()?))
        })
        .collect()
    }

    /// The predictions as variables, by their names in the file.
    fn predictions(&self, dtype: DType) -> Result<(Outputs, Vec<(String, Var)>)> {
        let mut vars = Vec::new();
        let mut get = |name: String| -> Result<Tensor> {
            let var = Var::from_tensor(&self.inputs.get(&format!("input.{name}")).to_dtype(dtype)?)?;
            let tensor = var.as_tensor().clone();
            vars.push((name, var));
            Ok(tensor)
        };
        let mut prediction = |prefix: &str| -> Result<SupervisedPrediction> {
            Ok(SupervisedPrediction {
                class_logits: get(format!("{prefix}pred_logits"))?,
                mask_logits: get(format!("{prefix}pred_masks"))?,
                pixel_features: Some(get(format!("{prefix}pixel_feature"))?),
            })
        };
        let last = prediction("")?;
        let count = self.number("aux_outputs") as usize;
        let auxiliary = (0..count).map(|i| prediction(&format!("aux{i}."))).collect::<Result<_>>()?;
        let semantic_logits = Some(get("aux_semantic_pred".into())?);
        Ok((Outputs { last, auxiliary, semantic_logits }, vars))
    }
}

/// Terms, total and gradients; gives the largest relative difference of a gradient.
fn check(name: &str, case: &Case, dtype: DType) -> Result<f64> {
    let (outputs, vars) = case.predictions(dtype)?;
    let losses = Criterion::new(case.config())?.forward(&outputs, &case.targets()?, &case.noise()?)?;
    let (suffix, rtol) = match dtype {
        DType::F64 => ("_f64", 1e-9),
        // Twice the largest distance of the official float32 run from the float64 one.
        _ => ("", 1e-6),
    };
    let noise = Noise { atol: 0.0, rtol };
    let expected = case.info[format!("losses{suffix}")].as_object().expect("losses");
    assert_eq!(expected.len(), losses.terms.len(), "{name}: terms");
    for (key, value) in expected {
        let (from, to) = TERMS.iter().rev().find(|(from, _)| key.starts_with(from)).expect("a known term");
        let ours = losses.term(&key.replace(from, to)).unwrap_or_else(|| panic!("{name}: no {key}"));
        assert_close_values(&format!("{name} {key}"), &[ours], &[value.as_f64().expect("a number")], noise);
    }
    let total = case.number(&format!("total{suffix}"));
    assert_close_values(&format!("{name} total"), &[losses.value], &[total], noise);
    let tensor = losses.total.to_dtype(DType::F64)?.to_scalar::<f64>()?;
    assert_close_values(&format!("{name} total tensor"), &[tensor], &[losses.value], Noise::abs(1e-5));

    let gradients = losses.total.backward()?;
    let mut largest = 0f64;
    for (key, var) in &vars {
        let golden = case.golden.get(&format!("grad.{key}"));
        let ours = gradients.get(var.as_tensor()).ok_or(format!("{name}: no gradient of {key}"))?;
        let rounding = case.info["grad_max_abs_f32_minus_f64"][key].as_f64().expect("noise");
        let rms = case.info["grad_rms"][key].as_f64().expect("rms");
        let noise = Noise { atol: 3.0 * rounding, rtol: 3e-7 };
        largest = largest.max(assert_close(&format!("{name} {key}"), ours, &golden, noise)? / rms);
    }
    check_matches(name, case, &losses)?;
    Ok(largest)
}

fn check_matches(name: &str, case: &Case, losses: &Losses) -> Result<()> {
    for (image, matches) in losses.matches[0].iter().enumerate() {
        let get = |what: &str| case.golden.get(&format!("match.final.{image}.{what}"));
        let indices = |what: &str| -> Result<Vec<usize>> {
            Ok(get(what).to_vec1::<i64>()?.into_iter().map(|v| v as usize).collect())
        };
        assert_eq!(matches.iter().map(|m| m.query).collect::<Vec<_>>(), indices("query")?, "{name} {image}");
        assert_eq!(
            matches.iter().map(|m| m.target).collect::<Vec<_>>(),
            indices("target")?,
            "{name} {image}"
        );
        let noise = Noise { atol: 1e-9, rtol: 2e-6 };
        let similarities: [(&str, Vec<f64>); 2] = [
            ("mask_similarity", matches.iter().map(|m| m.mask_similarity).collect()),
            ("class_similarity", matches.iter().map(|m| m.class_similarity).collect()),
        ];
        for (what, ours) in similarities {
            let golden = get(what).to_dtype(DType::F64)?.to_vec1::<f64>()?;
            assert_close_values(&format!("{name} {image} {what}"), &ours, &golden, noise);
        }
    }
    for (key, golden) in case.golden.under("sampled.") {
        let ours = &losses.sampled[&key.replace("aux_semantic", "semantic")];
        for (image, golden) in golden.to_vec2::<i64>()?.into_iter().enumerate() {
            if case.info["instances"][image] == 0 {
                // All pixels are void: their keys have ties in float32, whose order is nobody's promise.
                continue;
            }
            let mut ours: Vec<i64> = ours[image].iter().map(|v| i64::from(*v)).collect();
            let mut golden = golden;
            ours.sort_unstable();
            golden.sort_unstable();
            assert_eq!(ours, golden, "{name} {key} {image}");
        }
    }
    Ok(())
}

fn every_case_in_both_precisions() -> Result<()> {
    let Some(folder) = golden("torch") else { return Ok(()) };
    let info: Value = serde_json::from_slice(&std::fs::read(folder.join("loss/info.json"))?)?;
    for name in info.as_object().expect("cases").keys() {
        let case = Case::read(&folder, &info, name);
        for dtype in [DType::F32, DType::F64] {
            let largest = check(name, &case, dtype)?;
            assert!(largest.is_finite());
            kmax_goldens::say(&format!("{name} {dtype:?}: gradients within {largest:.1e} of their rms"));
        }
    }
    Ok(())
}

fn shared_and_separate_matching_differ() -> Result<()> {
    let Some(folder) = golden("torch") else { return Ok(()) };
    let info: Value = serde_json::from_slice(&std::fs::read(folder.join("loss/info.json"))?)?;
    let case = Case::read(&folder, &info, "deep_shared");
    let (outputs, _) = case.predictions(DType::F32)?;
    let run = |shared_matching| -> Result<Losses> {
        let config = LossConfig { shared_matching, ..case.config() };
        Ok(Criterion::new(config)?.forward(&outputs, &case.targets()?, &case.noise()?)?)
    };
    let (shared, separate) = (run(true)?, run(false)?);
    assert_eq!((shared.matches.len(), separate.matches.len()), (1, 3));
    assert_eq!(shared.matches[0], separate.matches[0]);
    assert_ne!(separate.matches[0], separate.matches[1]);
    assert!(shared.total.device().same_device(&Device::Cpu));
    Ok(())
}

kmax_goldens::tests!(every_case_in_both_precisions, shared_and_separate_matching_differ);

//! One training step of the port's whole ResNet-50 model, with the settings that its recipe gives a run: losses, every gradient,
//! updated values, running statistics.

mod common;

use candle_core::{DType, Tensor};
use common::train::{norm, recipe, step, updated};
use common::{Result, mismatches, normalised, port_weights};
use kmax_convert::names::pytorch::from_pytorch;
use kmax_goldens::{
    Golden, Manifest, Noise, assert_close, assert_close_values, golden, image_tensor, report,
};
use kmax_losses::{LossConfig, Targets, VOID};
use kmax_train::optim::Group;
use serde_json::Value;
use std::collections::HashMap;

/// Names of the terms in the port and here.
const TERMS: [(&str, &str); 5] = [
    ("loss_ce", "class"),
    ("loss_mask", "mask"),
    ("loss_dice", "dice"),
    ("loss_pixel_insdis", "pixels"),
    ("loss_aux_semantic", "semantic"),
];

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn targets(golden: &Golden) -> Result<Vec<Targets>> {
    let one = |image: usize| -> Result<Targets> {
        let get = |what: &str| golden.get(&format!("target{image}.{what}"));
        let labels: Vec<u32> = get("labels").to_vec1::<i64>()?.iter().map(|v| *v as u32).collect();
        let semantic = get("semantic").flatten_all()?.to_vec1::<i64>()?;
        let semantic: Vec<u32> = semantic.iter().map(|v| if *v < 0 { VOID } else { *v as u32 }).collect();
        let masks = get("masks").flatten_all()?.to_vec1::<u8>()?;
        Ok(Targets::from_masks(&labels, &masks, &semantic, [17, 17])?)
    };
    (0..2).map(one).collect()
}

/// The images, normalised, with pixels that are not real at zero.
fn images(golden: &Golden, dtype: DType) -> Result<Tensor> {
    let one = |image: usize| -> Result<Tensor> {
        let drawn = image_tensor(&format!("golden-train-{image}-12"), 65, 65)?;
        let stored = golden.get(&format!("image{image}")).permute((2, 0, 1))?.unsqueeze(0)?;
        assert_eq!(mismatches(&drawn, &stored)?, 0);
        let real = golden.get(&format!("is_real_pixels{image}")).to_dtype(dtype)?;
        Ok(normalised(&drawn, dtype)?.broadcast_mul(&real)?)
    };
    Ok(Tensor::cat(&[one(0)?, one(1)?], 0)?)
}

/// In float64 the golden is met to its own rounding. In float32 gradients differ as the official float32 run's do.
fn check(dtype: DType) -> Result<()> {
    let Some(folder) = golden("torch") else { return Ok(()) };
    let info: Value = serde_json::from_slice(&std::fs::read(folder.join("train/step_coco_r50.json"))?)?;
    let golden = Golden::read(&folder.join("train/step_coco_r50.safetensors"));
    let manifest = Manifest::read(&folder.join("manifests/coco_r50_train.json"));
    let weights = port_weights(&manifest)?;
    let (run, mut config) = recipe("pytorch", "kmax-resnet50-coco.pytorch")?;
    config.losses = LossConfig { pixel_samples: 128, semantic_samples: 128, ..config.losses };
    let noise = golden.under("uniform.").into_iter().map(|(name, values)| {
        Ok((name.replace("aux_semantic", "semantic"), values.flatten_all()?.to_vec1::<f32>()?))
    });
    let noise = noise.collect::<Result<HashMap<_, _>>>()?;
    let images = images(&golden, dtype)?;
    let step = step(&config, weights.clone(), &images, &targets(&golden)?, &noise, None)?;
    let double = dtype == DType::F64;

    for (i, layer) in step.trace.decoder.layers.iter().enumerate() {
        let expected = golden.get(&format!("layer{i}.assignment"));
        assert_eq!(mismatches(&layer.assignment, &expected)?, 0, "assignment of layer {i}");
    }
    for (image, matches) in step.losses.matches[0].iter().enumerate() {
        let get = |what: &str| golden.get(&format!("match.{image}.{what}")).to_vec1::<i64>();
        let (queries, targets): (Vec<_>, Vec<_>) =
            matches.iter().map(|m| (m.query as i64, m.target as i64)).unzip();
        assert_eq!((queries, targets), (get("query")?, get("target")?), "matches of image {image}");
    }
    for (name, expected) in golden.under("sampled.") {
        let sampled = &step.losses.sampled[&name.replace("aux_semantic", "semantic")];
        for (ours, mut expected) in sampled.iter().zip(expected.to_vec2::<i64>()?) {
            let mut ours: Vec<i64> = ours.iter().map(|pixel| i64::from(*pixel)).collect();
            ours.sort_unstable();
            expected.sort_unstable();
            assert_eq!(ours, expected, "{name}: sampled pixels");
        }
    }
    check_losses(&step.losses, &info, double)?;
    if double {
        // Float64 values, rounded to float32.
        let prediction = &step.trace.decoder.prediction;
        let classes = prediction.class_logits.as_ref().ok_or("no class logits")?;
        let semantic = step.trace.semantic_logits.as_ref().ok_or("no semantic logits")?;
        for (name, ours) in
            [("pred_logits", classes), ("pred_masks", &prediction.mask_logits), ("aux_semantic", semantic)]
        {
            assert_close(name, ours, &golden.get(name), Noise { atol: 1e-7, rtol: 1e-6 })?;
        }
    }

    let by_port_name: HashMap<String, &Value> = info["parameters"]
        .as_object()
        .ok_or("no parameters")?
        .iter()
        .map(|(name, facts)| Ok((from_pytorch(name).ok_or_else(|| format!("no name for {name}"))?, facts)))
        .collect::<Result<_>>()?;
    let rate = run.schedule.learning_rates(run.recipe).rate(2500);
    let optimizer = run.schedule.optimizer(run.recipe);
    let (mut worst, mut seen) = (0f64, 0);
    let trained = step.parameters.iter().filter(|p| by_port_name.contains_key(&p.name));
    for parameter in trained {
        let facts = by_port_name[&parameter.name];
        let group = Group::of(parameter, &optimizer);
        let settings = [group.multiplier * rate, group.weight_decay];
        let expected = [number(&facts["lr"]), number(&facts["weight_decay"])];
        let exact = Noise { atol: 0.0, rtol: 1e-12 };
        assert_close_values(&format!("{}: group", parameter.name), &settings, &expected, exact);
        let (ours, expected) = (norm(&step.gradient(parameter)?)?, number(&facts["l2_f64"]));
        seen += 1;
        // Zero in exact arithmetic.
        if expected < 1e-9 {
            let largest = if double { 1e-9 } else { 1e-3 };
            assert!(ours < largest, "{}: gradient of {ours}", parameter.name);
            continue;
        }
        let allowed = if double { 1e-9 } else { 5.0 * number(&facts["rel_err_f32_vs_f64"]).max(1e-6) };
        let what = format!("{}: gradient norm", parameter.name);
        assert_close_values(&what, &[ours], &[expected], Noise { atol: 0.0, rtol: allowed });
        let difference = (ours / expected - 1.0).abs();
        worst = worst.max(if double { difference } else { difference / allowed * 5.0 });
    }
    assert_eq!(seen, by_port_name.len(), "parameters with a gradient");
    let (tolerance, largest) = match double {
        true => ("1e-9 relative".to_string(), format!("{worst:.1e}")),
        false => ("5 x float32 error of each".to_string(), format!("{worst:.2} x")),
    };
    report(&format!("torch/train, gradient norms of {seen} parameters, {dtype:?}"), &tolerance, &largest);

    let parameters: HashMap<_, _> = step.parameters.iter().map(|p| (p.name.as_str(), p)).collect();
    let ours_of = |name: &str| -> Result<String> {
        Ok(from_pytorch(name).ok_or_else(|| format!("no name for {name}"))?)
    };
    let (mut statistics, mut largest) = (0, 0f64);
    for (name, expected) in golden.under("after.") {
        let ours = parameters[ours_of(&name)?.as_str()].var.as_tensor();
        let norm = name.trim_end_matches(".running_mean").trim_end_matches(".running_var");
        let official = number(&info["float32_noise"]["running_stats"][norm]);
        // Float64 values, rounded to float32.
        let (atol, rtol) = if double { (1e-9, 1e-7) } else { (5.0 * official, 2e-6) };
        let noise = Noise { atol, rtol };
        largest = largest.max(assert_close(&name, ours, &expected, noise)?);
        statistics += 1;
    }
    let tolerance = if double { "1e-7 relative" } else { "5 x float32 error + 2e-6" };
    report(
        &format!("torch/train, {statistics} running statistics, {dtype:?}"),
        tolerance,
        &format!("{largest:.1e}"),
    );
    if !double {
        // A first step of Adam is the gradient's sign: where that is noise, so is the step.
        return Ok(());
    }
    let (mut gradients, mut worst) = (0, [0f64; 2]);
    for (name, expected) in golden.under("grad.") {
        let parameter = parameters[ours_of(&name)?.as_str()];
        let gradient = step.gradient(parameter)?;
        let part = gradient.flatten_all()?.narrow(0, 0, expected.elem_count())?;
        let rms = number(&by_port_name[&parameter.name]["l2_f64"]) / (gradient.elem_count() as f64).sqrt();
        if rms < 1e-9 {
            continue;
        }
        let expected = expected.flatten_all()?;
        let noise = Noise { atol: 1e-8 * rms, rtol: 1e-7 };
        worst[0] = worst[0].max(assert_close(&format!("grad {name}"), &part, &expected, noise)? / rms);
        let start = &weights[&parameter.name];
        let after = updated(parameter, start, &gradient, optimizer, 0, rate)?;
        let flat = |t: &Tensor| -> Result<Vec<f64>> {
            let part = t.flatten_all()?.narrow(0, 0, expected.elem_count())?;
            Ok(part.to_dtype(DType::F64)?.to_vec1()?)
        };
        let (before, after) = (flat(start)?, flat(&after)?);
        let golden = flat(&golden.get(&format!("updated.{name}")))?;
        let group_rate = rate * Group::of(parameter, &optimizer).multiplier;
        let change = |values: &[f64]| -> Vec<f64> {
            values.iter().zip(&before).map(|(a, b)| (a - b) / group_rate).collect()
        };
        // A weight is rounded to 6e-8 of its size, twice; the change inherits that.
        let size = before.iter().fold(0f64, |most, value| most.max(value.abs()));
        let noise = Noise::abs(1e-5 + 1.3e-7 * size / group_rate);
        let difference =
            assert_close_values(&format!("updated {name}"), &change(&after), &change(&golden), noise);
        worst[1] = worst[1].max(difference / noise.atol);
        gradients += 1;
    }
    assert!(gradients >= 25, "{gradients} gradients");
    report(
        &format!("torch/train, {gradients} gradients, F64"),
        "1e-8 of their RMS + 1e-7",
        &format!("{:.1e} x RMS", worst[0]),
    );
    report(
        &format!("torch/train, {gradients} updated values"),
        "rounding of the weight",
        &format!("{:.2} x", worst[1]),
    );
    Ok(())
}

fn check_losses(losses: &kmax_losses::Losses, info: &Value, double: bool) -> Result<()> {
    let all = |key: &str| info[key].as_object().cloned().ok_or("no losses");
    let (single, exact) = (all("losses_weighted")?, all("losses_weighted_f64")?);
    assert_eq!(exact.len(), losses.terms.len(), "terms");
    // All terms weigh matches by the last prediction: they share the noise of the noisiest.
    let official = exact.iter().map(|(key, value)| (number(&single[key]) / number(value) - 1.0).abs());
    let allowed = if double { 1e-9 } else { 5.0 * official.fold(0.0, f64::max) };
    let mut largest = 0f64;
    for (key, expected) in &exact {
        let (from, to) =
            TERMS.iter().rev().find(|(from, _)| key.starts_with(from)).ok_or("an unknown term")?;
        let name = key.replace(from, to);
        let term = losses.terms.iter().find(|term| term.name == name).ok_or_else(|| format!("no {name}"))?;
        let (ours, expected) = (term.mean() * term.weight, number(expected));
        assert_close_values(key, &[ours], &[expected], Noise { atol: 0.0, rtol: allowed });
        largest = largest.max((ours / expected - 1.0).abs());
    }
    let total = number(&info["total_f64"]);
    let rtol = if double { 1e-9 } else { 5e-6 };
    assert_close_values("total", &[losses.value], &[total], Noise { atol: 0.0, rtol });
    let tolerance = format!("{allowed:.0e} relative");
    let dtype = if double { "F64" } else { "F32" };
    report(&format!("torch/train, {} losses, {dtype}", exact.len()), &tolerance, &format!("{largest:.1e}"));
    Ok(())
}

fn a_step_in_float64() -> Result<()> {
    check(DType::F64)
}

fn a_step_in_float32() -> Result<()> {
    check(DType::F32)
}

kmax_goldens::tests!(a_step_in_float64, a_step_in_float32);

//! One training step of deeplab2's whole ResNet-50 model, with the settings that its recipe gives a run: losses, every gradient,
//! updated values, running statistics.
//!
//! The golden is a float32 run, whose own rounding shows in our float64 run: its gradient norms move by 1e-5 in the median
//! when weights change by one part in ten million (`sensitivity_1e-07.json`).

mod common;

use candle_core::{DType, Device, Tensor};
use common::train::{Deeplab2Labels, Step, norm, recipe, step, updated};
use common::{Result, deeplab2_weights, mismatches, normalised};
use kmax_convert::names::deeplab2::{SUFFIX, from_deeplab2};
use kmax_convert::names::rows::ClassRows;
use kmax_goldens::{
    Golden, Manifest, Noise, assert_close, assert_close_values, golden, image_tensor, report,
};
use kmax_losses::{LossConfig, Match};
use kmax_masks::Categories;
use kmax_train::optim::Group;
use serde_json::Value;
use std::collections::HashMap;

/// Names of the terms in deeplab2 and here.
const TERMS: [(&str, &str); 5] = [
    ("pq_style_loss_class_term", "class"),
    ("pq_style_loss_mask_dice_term", "dice"),
    ("mask_id_cross_entropy_loss", "mask"),
    ("instance_discrimination_loss", "pixels"),
    ("semantic_loss", "semantic"),
];

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn integers(tensor: &Tensor, image: usize) -> Result<Vec<i64>> {
    let one = tensor.get(image)?.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
    Ok(one.into_iter().map(|value| value as i64).collect())
}

/// A variable or its gradient in our layout, classes in our order.
fn ours(rows: &ClassRows, path: &str, tensor: &Tensor) -> Result<(String, Tensor)> {
    let unknown = || format!("no name for {path}");
    let (name, layout) = from_deeplab2(&format!("{path}{SUFFIX}")).ok_or_else(unknown)?;
    let order = layout.permutation(tensor.rank()).ok_or_else(unknown)?;
    let shape = layout.shape(tensor.dims()).ok_or_else(unknown)?;
    let tensor = tensor.permute(order.as_slice())?.contiguous()?.reshape(shape.as_slice())?;
    let Some(rows) = rows.of(&name) else { return Ok((name, tensor)) };
    let rows: Vec<u32> = rows.iter().map(|row| *row as u32).collect();
    Ok((name, tensor.index_select(&Tensor::new(rows, &Device::Cpu)?, 0)?))
}

fn a_step_in_float64() -> Result<()> {
    let Some(folder) = golden("tf") else { return Ok(()) };
    let file = folder.join("train/train_step_coco_resnet50_65");
    let info: Value = serde_json::from_slice(&std::fs::read(file.with_extension("json"))?)?;
    let golden = Golden::read(&file.with_extension("safetensors"));
    let things: Vec<bool> = Categories::coco_panoptic().iter().map(|class| class.isthing).collect();
    let rows = ClassRows::new(&things, true, true);
    let manifest = Manifest::read(&folder.join("manifests/coco_resnet50_train.json"));
    let weights = deeplab2_weights(&manifest, Some(&rows))?;
    let (run, mut config) = recipe("deeplab2", "kmax-resnet50-coco.deeplab2")?;
    config.losses = LossConfig { pixel_samples: 128, ..config.losses };

    let drawn = [image_tensor("train-0", 65, 65)?, image_tensor("train-1", 65, 65)?];
    let drawn = Tensor::cat(&drawn, 0)?;
    assert_eq!(mismatches(&drawn.permute((0, 2, 3, 1))?.contiguous()?, &golden.get("images"))?, 0);
    let order: Vec<i64> = (1..=133).collect();
    let mut targets = Vec::new();
    for image in 0..2 {
        let get = |name: &str| integers(&golden.get(name), image);
        let (panoptic, ids, classes) = (get("labels")?, get("thing_id_mask")?, get("thing_id_class")?);
        // 256 is COCO's label divisor.
        let semantic: Vec<i64> = panoptic.into_iter().map(|label| label / 256).collect();
        let labels = Deeplab2Labels {
            semantic: &semantic,
            thing_ids: &ids,
            thing_classes: &classes,
            order: &order,
            stuff: 53,
            size: [65, 65],
        };
        targets.push(labels.targets([17, 17])?);
    }
    let (targets, row_of): (Vec<_>, Vec<_>) = targets.into_iter().unzip();
    let noise = (0..7).map(|i| {
        let name = if i == 0 { "pixels".to_string() } else { format!("pixels_{}", i - 1) };
        Ok((name, golden.get(&format!("uniform_noise/{i}")).flatten_all()?.to_vec1::<f32>()?))
    });
    let noise = noise.collect::<Result<HashMap<_, _>>>()?;
    let mut matching = Vec::new();
    for (image, row_of) in row_of.iter().enumerate() {
        let slots = integers(&golden.get("matched_slot"), image)?;
        matching
            .push(row_of.iter().enumerate().map(|(target, row)| (slots[*row] as usize, target)).collect());
    }
    let images = normalised(&drawn, DType::F64)?;
    let step = step(&config, weights.clone(), &images, &targets, &noise, Some(&matching))?;
    check_outputs(&step.trace, &golden, &rows)?;
    check_matches(&step);
    check_losses(&step.losses, &info)?;

    let optimizer = run.schedule.optimizer(run.recipe);
    let single = Noise { atol: 0.0, rtol: 1e-6 };
    for (key, ours) in [
        ("beta_1", optimizer.beta1),
        ("beta_2", optimizer.beta2),
        ("epsilon", optimizer.eps),
        ("weight_decay", optimizer.weight_decay),
    ] {
        assert_close_values(key, &[ours], &[number(&info["adam"][key])], single);
    }
    let start_iteration = info["start_iteration"].as_u64().ok_or("no iteration")? as usize;
    let rate = run.schedule.learning_rates(run.recipe).rate(start_iteration);
    assert_close_values("learning rate", &[rate], &[number(&info["lr"])], single);
    let parameters: HashMap<_, _> = step.parameters.iter().map(|p| (p.name.as_str(), p)).collect();
    let variables = info["variables"].as_array().ok_or("no variables")?;
    let (mut relative, mut zero) = ([Vec::new(), Vec::new()], 0);
    for facts in variables {
        let key = facts["key"].as_str().ok_or("no key")?;
        let (name, _) = from_deeplab2(key).ok_or_else(|| format!("no name for {key}"))?;
        let parameter = parameters.get(name.as_str()).ok_or_else(|| format!("no parameter {name}"))?;
        let group = Group::of(parameter, &optimizer);
        assert_eq!(facts["weight_decay"] == true, group.weight_decay > 0.0, "{name}: decay");
        assert_eq!(facts["optimizer"] == "backbone_optimizer", group.multiplier < 1.0, "{name}: rate");
        let gradient = step.gradient(parameter)?;
        let (found, expected) = (norm(&gradient)?, number(&facts["grad_l2"]));
        if found < 1e-12 {
            // Zero in exact arithmetic: the golden holds TensorFlow's rounding.
            assert!(expected < 1e-5, "{name}: gradient of {expected} there, {found} here");
            zero += 1;
            continue;
        }
        relative[0].push(((found / expected - 1.0).abs(), name.clone()));
        let start = &weights[&name];
        let after = updated(parameter, start, &gradient, optimizer, start_iteration, rate)?;
        let (found, expected) = (norm(&(after - start)?)?, number(&facts["update_l2"]));
        relative[1].push(((found / expected - 1.0).abs(), name));
    }
    for (what, mut found, [median, largest]) in
        relative.into_iter().zip([("gradient", GRADIENTS), ("update", UPDATES)]).map(|(r, (w, a))| (w, r, a))
    {
        found.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let (middle, (worst, name)) = (found[found.len() / 2].0, &found[found.len() - 1]);
        report(
            &format!("tf/train, {what} norms of {} parameters", found.len()),
            &format!("{largest:.0e} relative, median {median:.0e}"),
            &format!("{worst:.1e} ({name}), median {middle:.1e}"),
        );
        assert!(*worst <= largest, "{what} norm of {name}: {worst:.1e} off");
        assert!(middle <= median, "{what} norms: median {middle:.1e} off");
    }
    assert!(zero < 60, "{zero} gradients are zero");
    let (mut count, mut worst) = (0, 0f64);
    for (path, expected) in golden.under("grad/") {
        let (name, expected) = ours(&rows, &path, &expected)?;
        let gradient = step.gradient(parameters[name.as_str()])?;
        let rms = norm(&gradient)? / (gradient.elem_count() as f64).sqrt();
        if rms < 1e-12 {
            continue;
        }
        let noise = Noise::abs(GRADIENT_VALUES * rms);
        worst = worst.max(assert_close(&format!("grad {path}"), &gradient, &expected, noise)? / rms);
        count += 1;
    }
    report(
        &format!("tf/train, {count} gradients"),
        &format!("{GRADIENT_VALUES:.0e} x RMS"),
        &format!("{worst:.1e} x RMS"),
    );
    let (mut count, mut worst) = (0, 0f64);
    for (path, expected) in golden.under("moving/") {
        let (name, expected) = ours(&rows, &path, &expected)?;
        let ours = parameters[name.as_str()].var.as_tensor();
        let rms = norm(ours)? / (ours.elem_count() as f64).sqrt();
        let noise = Noise::abs(STATISTICS * rms);
        worst = worst.max(assert_close(&format!("moving {path}"), ours, &expected, noise)? / rms);
        count += 1;
    }
    report(
        &format!("tf/train, {count} running statistics"),
        &format!("{STATISTICS:.0e} x RMS"),
        &format!("{worst:.1e} x RMS"),
    );
    Ok(())
}

const LOSSES: Noise = Noise { atol: 0.0, rtol: 2e-4 };
/// Relative difference of a norm: median and largest.
const GRADIENTS: [f64; 2] = [2e-5, 3e-4];
const UPDATES: [f64; 2] = [3e-5, 2e-3];
const GRADIENT_VALUES: f64 = 1e-2;
const STATISTICS: f64 = 1e-5;
/// Noise doubles with every decoder layer: 2e-6 before the first, 4e-4 behind the last.
const OUTPUTS: f64 = 1.5e-3;

/// deeplab2 pads its cost matrix with 999, where float32 has steps of 6e-5: below that its matching is arbitrary. Ours is
/// exact, so that the two may differ in pairs whose scores are smaller, and the step is computed with deeplab2's.
fn check_matches(step: &Step) {
    let score = |found: &Match| found.mask_similarity * found.class_similarity;
    let (mut same, mut total, mut largest) = (0, 0, 0f64);
    for (ours, theirs) in step.matches.iter().zip(&step.losses.matches[0]) {
        assert_eq!(ours.len(), theirs.len());
        let own: f64 = ours.iter().map(score).sum();
        let golden: f64 = theirs.iter().map(score).sum();
        assert!(own >= golden - 1e-12, "deeplab2 found a better matching: {golden} instead of {own}");
        for found in ours {
            total += 1;
            let Some(other) = theirs.iter().find(|other| other.target == found.target) else {
                panic!("target {} has no match in the golden", found.target)
            };
            if other.query == found.query {
                same += 1;
                continue;
            }
            let difference = (score(found) - score(other)).abs();
            largest = largest.max(difference);
            let (ours, theirs) = (found.query, other.query);
            let pair = format!("target {}: query {ours} instead of {theirs}", found.target);
            assert!(difference < STEP, "{pair}, scores {difference:.1e} apart");
        }
    }
    let largest = format!("{same} of {total} equal, others {largest:.1e} apart");
    report("tf/train, matches", &format!("scores {STEP:.0e} apart (float32 at 999)"), &largest);
}

/// Distance of float32 numbers near 999, where deeplab2 compares scores.
const STEP: f64 = 6.2e-5;

fn check_losses(losses: &kmax_losses::Losses, info: &Value) -> Result<()> {
    let expected = info["losses_batch_mean"].as_object().ok_or("no losses")?;
    let mut largest = 0f64;
    for term in &losses.terms {
        let (base, suffix) = term.name.split_once('_').unwrap_or((&term.name, ""));
        let (official, _) = TERMS.iter().find(|(_, ours)| *ours == base).ok_or("an unknown term")?;
        let key = if suffix.is_empty() { official.to_string() } else { format!("aux_{suffix}{official}") };
        let (ours, expected) = (term.mean() * term.weight, number(&expected[&key]));
        assert_close_values(&key, &[ours], &[expected], LOSSES);
        largest = largest.max((ours / expected - 1.0).abs());
    }
    assert_eq!(losses.terms.len() + 1, expected.len(), "terms");
    assert_close_values("total", &[losses.value], &[number(&expected["total_loss"])], LOSSES);
    report(
        &format!("tf/train, {} losses", losses.terms.len()),
        &format!("{:.0e} relative", LOSSES.rtol),
        &format!("{largest:.1e}"),
    );
    Ok(())
}

fn check_outputs(trace: &kmax_model::Trace, golden: &Golden, rows: &ClassRows) -> Result<()> {
    let classes = |said: &kmax_heads::Prediction| said.class_logits.clone().ok_or("no class logits");
    let last = &trace.decoder.prediction;
    let every = |x: &Tensor, axis: usize, step: usize| -> Result<Tensor> {
        let kept = Tensor::arange_step(0u32, x.dim(axis)? as u32, step as u32, &Device::Cpu)?;
        Ok(x.index_select(&kept, axis)?)
    };
    let semantic = trace.semantic_logits.as_ref().ok_or("no semantic logits")?;
    let semantic = every(&every(semantic, 2, 2)?, 3, 2)?.permute((0, 2, 3, 1))?.contiguous()?;
    let mut pairs = vec![
        ("transformer_class_logits".to_string(), classes(last)?),
        ("pixel_space_mask_logits".to_string(), last.mask_logits.permute((0, 2, 3, 1))?.contiguous()?),
        ("semantic_logits@s2".to_string(), semantic),
    ];
    for (i, layer) in trace.decoder.layers.iter().enumerate() {
        let logits = every(&classes(&layer.prediction)?, 1, 8)?;
        pairs.push((format!("aux{i}/transformer_class_logits@slot8"), logits));
    }
    let mut largest = 0f64;
    for (name, ours) in &pairs {
        let mut expected = golden.get(&format!("train_output/{name}"));
        if name.starts_with("semantic") {
            let order = rows.of("semantic_head.last.bias").ok_or("no rows")?;
            let order: Vec<u32> = order.iter().map(|row| *row as u32).collect();
            expected = expected.index_select(&Tensor::new(order, &Device::Cpu)?, 3)?;
        }
        let rms = norm(&expected)? / (expected.elem_count() as f64).sqrt();
        largest = largest.max(assert_close(name, ours, &expected, Noise::abs(OUTPUTS * rms))? / rms);
    }
    report(
        &format!("tf/train, {} outputs", pairs.len()),
        &format!("{OUTPUTS:.0e} x RMS"),
        &format!("{largest:.1e} x RMS"),
    );
    Ok(())
}

kmax_goldens::tests!(a_step_in_float64);

//! AdamW and the learning-rate schedules against PyTorch and against deeplab2's trainer.

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor, Var};
use kmax_goldens::{Golden, Manifest, Noise, assert_close_values, golden};
use kmax_nn::{Parameter, Role};
use kmax_train::optim::{AdamW, AdamWConfig, Schedule};
use serde_json::Value;
use std::path::Path;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn json(path: &Path) -> Result<Value> {
    Ok(serde_json::from_slice(&std::fs::read(path)?)?)
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn parameter(name: &str, role: Role, value: &Tensor) -> Result<Parameter> {
    Ok(Parameter { name: name.into(), var: Var::from_tensor(value)?, role })
}

/// A store with the gradient of each parameter, from a loss that is linear in all of them.
fn gradients(parameters: &[(&Parameter, Tensor)]) -> Result<GradStore> {
    let mut loss = Tensor::new(0f32, &Device::Cpu)?;
    for (parameter, gradient) in parameters {
        loss = (loss + (parameter.var.as_tensor() * gradient)?.sum_all()?)?;
    }
    Ok(loss.backward()?)
}

fn wide(tensor: &Tensor) -> Result<Vec<f64>> {
    Ok(tensor.flatten_all()?.to_dtype(DType::F64)?.to_vec1()?)
}

fn three_steps_of_torch() -> Result<()> {
    let Some(folder) = golden("torch") else { return Ok(()) };
    let golden = Golden::read(&folder.join("train/adamw.safetensors"));
    for (suffix, role, rate) in [("", Role::Kernel, 1e-2), ("_nodecay", Role::Norm, 1e-3)] {
        let start = golden.get(&format!("param{suffix}"));
        let mut optimizer = AdamW::new(vec![parameter("p", role, &start)?], AdamWConfig::pytorch())?;
        for step in 0..3 {
            let parameter = optimizer.groups().next().ok_or("no parameter")?.0.clone();
            let gradient = golden.get(&format!("grad{suffix}.{step}"));
            optimizer.step(&gradients(&[(&parameter, gradient)])?, rate)?;
            let after = golden.get(&format!("after{suffix}.{step}"));
            // Rounding of float32 weights.
            let noise = Noise { atol: 2e-8, rtol: 2e-7 };
            let ours = wide(parameter.var.as_tensor())?;
            let difference =
                assert_close_values(&format!("step {step}{suffix}"), &ours, &wide(&after)?, noise);
            kmax_goldens::say(&format!("step {step}{suffix}: {difference:.1e}"));
        }
    }
    Ok(())
}

/// What an update did, compared as the change of the weights, whose size is the learning rate.
fn check_update(name: &str, before: &[f64], ours: &Tensor, after: &[f64], rate: f64) -> Result<f64> {
    let change = |new: &[f64]| -> Vec<f64> { new.iter().zip(before).map(|(a, b)| (a - b) / rate).collect() };
    let largest = before.iter().fold(0f64, |m, v| m.max(v.abs()));
    // The decay's factor lies near 1, where float32 numbers are 6e-8 apart, and the weight is rounded after the decay and
    // after the step: three halves of a last digit here, two in deeplab2. The change inherits that.
    let noise = Noise { atol: 1e-5 + 3e-7 * largest / rate, rtol: 0.0 };
    Ok(assert_close_values(name, &change(&wide(ours)?), &change(after), noise))
}

fn the_port_updates_its_parameters_so() -> Result<()> {
    let Some(folder) = golden("torch") else { return Ok(()) };
    let info = json(&folder.join("train/step_coco_r50.json"))?;
    let golden = Golden::read(&folder.join("train/step_coco_r50.safetensors"));
    let manifest = Manifest::read(&folder.join("manifests/coco_r50_train.json")).tensors()?;
    let mut seen = 0;
    for (name, gradient) in golden.under("grad.") {
        let settings = &info["parameters"][&name];
        let (decay, rate) = (number(&settings["weight_decay"]), number(&settings["lr"]));
        let start = manifest[&name].flatten_all()?.narrow(0, 0, gradient.elem_count())?;
        let gradient = gradient.flatten_all()?;
        let role = if decay > 0.0 { Role::Kernel } else { Role::Norm };
        let backbone = name.starts_with("backbone.");
        let mut optimizer = AdamW::new(vec![parameter(&name, role, &start)?], AdamWConfig::pytorch())?;
        let parameter = optimizer.groups().next().ok_or("no parameter")?.0.clone();
        let schedule = Schedule::pytorch(5e-4, 5000, 150_000);
        let head = schedule.rate(2500);
        assert!((head * if backbone { 0.1 } else { 1.0 } - rate).abs() < 1e-12, "{name}: rate");
        // Gradients of zero in exact arithmetic are noise, and Adam's first step is their sign.
        if number(&settings["l2_f64"]) < 1e-9 {
            continue;
        }
        optimizer.step(&gradients(&[(&parameter, gradient)])?, head)?;
        let after = wide(&golden.get(&format!("updated.{name}")))?;
        check_update(&name, &wide(&start)?, parameter.var.as_tensor(), &after, rate)?;
        seen += 1;
    }
    assert!(seen >= 25, "only {seen} parameters");
    Ok(())
}

fn deeplab2_updates_its_variables_so() -> Result<()> {
    let Some(folder) = golden("tf") else { return Ok(()) };
    let info = json(&folder.join("train/train_step_coco_resnet50_65.json"))?;
    let golden = Golden::read(&folder.join("train/train_step_coco_resnet50_65.safetensors"));
    let manifest = Manifest::read(&folder.join("manifests/coco_resnet50_train.json")).tensors()?;
    let suffix = "/.ATTRIBUTES/VARIABLE_VALUE";
    let config = AdamWConfig {
        eps: number(&info["adam"]["epsilon"]),
        weight_decay: number(&info["adam"]["weight_decay"]),
        ..AdamWConfig::deeplab2()
    };
    let mut seen = 0;
    for row in info["variables"].as_array().ok_or("no variables")? {
        let key = row["key"].as_str().ok_or("no key")?;
        let name = key.trim_end_matches(suffix);
        let Some(gradient) = golden.find(&format!("grad/{name}")) else { continue };
        let start = &manifest[key];
        let role = if row["weight_decay"] == true { Role::Kernel } else { Role::Norm };
        let backbone = row["optimizer"] == "backbone_optimizer";
        let ours = if backbone { format!("backbone.{name}") } else { name.to_string() };
        let mut optimizer = AdamW::new(vec![parameter(&ours, role, start)?], config)?;
        optimizer.set_steps(info["start_iteration"].as_u64().ok_or("no iteration")? as usize);
        let parameter = optimizer.groups().next().ok_or("no parameter")?.0.clone();
        let rate = number(&info["lr"]);
        optimizer.step(&gradients(&[(&parameter, gradient)])?, rate)?;
        let rate = if backbone { number(&info["backbone_lr"]) } else { rate };
        let after = wide(&golden.get(&format!("after/{name}")))?;
        check_update(name, &wide(start)?, parameter.var.as_tensor(), &after, rate)?;
        seen += 1;
    }
    assert_eq!(seen, 22);
    Ok(())
}

fn schedules_of_both() -> Result<()> {
    if let Some(folder) = golden("torch") {
        let info = &json(&folder.join("train/step_coco_r50.json"))?["lr_schedule"];
        let schedule = Schedule {
            warmup_factor: number(&info["warmup_factor"]),
            power: number(&info["power"]),
            ..Schedule::pytorch(number(&info["base_lr"]), 5000, 150_000)
        };
        for row in info["table"].as_array().ok_or("no table")? {
            let step = number(&row["iteration"]);
            let ours = schedule.rate(step as usize);
            let noise = Noise { atol: 0.0, rtol: 1e-14 };
            assert_close_values(&format!("port, step {step}"), &[ours], &[number(&row["head"])], noise);
            let backbone = ours * AdamWConfig::pytorch().backbone_multiplier;
            assert_close_values("backbone", &[backbone], &[number(&row["backbone"])], noise);
        }
    }
    if let Some(folder) = golden("tf") {
        let info = json(&folder.join("train/lr_schedule.json"))?;
        for (name, info) in info.as_object().ok_or("no schedules")? {
            let (warmup, steps) = (number(&info["warmup_steps"]), number(&info["steps"]));
            let schedule = Schedule {
                power: number(&info["power"]),
                ..Schedule::deeplab2(number(&info["base"]), warmup as usize, steps as usize)
            };
            for row in info["rows_step_lr_backbone_lr"].as_array().ok_or("no rows")? {
                let step = number(&row[0]);
                // deeplab2 computes in float32: one minus a float32 near one loses digits towards the end.
                let left = (1.0 - step / steps).max(1e-9);
                let noise = Noise { atol: 0.0, rtol: 4e-7 + 1.2e-7 / left };
                let ours = schedule.rate(step as usize);
                assert_close_values(&format!("{name}, step {step}"), &[ours], &[number(&row[1])], noise);
                let backbone = ours * number(&info["backbone_multiplier"]);
                assert_close_values(&format!("{name}, step {step}"), &[backbone], &[number(&row[2])], noise);
            }
        }
    }
    Ok(())
}

kmax_goldens::tests!(
    three_steps_of_torch,
    the_port_updates_its_parameters_so,
    deeplab2_updates_its_variables_so,
    schedules_of_both
);

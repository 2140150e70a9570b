//! A training step in float32: the loss, the gradients of all parameters and their norm as AdamW takes it, the statistics of batch norms.

use crate::report::{Report, drawn, overall};
use crate::{Outcome, Run};
use kmax_benches::models;
use kmax_model::{KMaxDeepLab, Params};
use kmax_nn::Role;
use kmax_nn::candle_core::{DType, Device, Tensor};
use kmax_train::optim::{AdamW, AdamWConfig};

/// Pixels may go to other centers than in float64 ([`crate::networks`]), which changes gradients a little.
const OF_GRADIENTS: f64 = 0.02;

pub fn check(run: &Run, report: &mut Report) -> Outcome {
    for (network, side) in [("small", 193), ("resnet50", 193), ("convnext_tiny", 193)] {
        if run.small && network != "small" {
            continue;
        }
        let side = run.size(side, 65);
        let name = format!("training step of {network} at {side}");
        if let Err(error) = compare(run, report, (network, &name, side)) {
            report.broken(&name, DType::F32, &*error);
        }
    }
    Ok(())
}

/// What a step gives: the loss, the names of what has a gradient, all gradients in a row, their norm, and the statistics after it.
struct Step {
    loss: Tensor,
    names: Vec<String>,
    gradients: Tensor,
    norm: f64,
    statistics: Tensor,
}

fn compare(run: &Run, report: &mut Report, (network, name, side): (&str, &str, usize)) -> Outcome {
    let config = models::config(network).ok_or("an unknown network")?;
    let weights = models::weights(&config)?;
    let image = drawn("images", &[2, 3, side, side])?;
    let step = |dtype: DType, device: &Device| -> Outcome<Step> {
        let params = Params::trainable(Some(Box::new(weights.clone())), 1, dtype, device);
        let network = KMaxDeepLab::new(&config, &params)?.without_dropout();
        let loss = models::loss(&network, &image.to_dtype(dtype)?.to_device(device)?)?;
        let gradients = loss.backward()?;
        let parameters = params.parameters();
        let (statistics, trained): (Vec<_>, Vec<_>) =
            parameters.iter().partition(|p| p.role == Role::Statistic);
        let row = |tensors: Vec<Tensor>| -> Outcome<Tensor> {
            let flat = |x: &Tensor| x.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.flatten_all();
            Ok(Tensor::cat(&tensors.iter().map(flat).collect::<Result<Vec<_>, _>>()?, 0)?)
        };
        // The loss is of the last logits: what only earlier ones are made of has none.
        let of =
            trained.iter().filter_map(|p| Some((p.name.clone(), gradients.get(p.var.as_tensor())?.clone())));
        let (names, of): (Vec<_>, Vec<_>) = of.unzip();
        let statistics: Vec<_> = statistics.iter().map(|p| p.var.clone()).collect();
        let of = row(of)?;
        // The optimizer is in float32.
        let norm = match dtype {
            DType::F32 => AdamW::new(parameters, AdamWConfig::pytorch())?.step(&gradients, 1e-3)?,
            _ => of.sqr()?.sum_all()?.sqrt()?.to_scalar()?,
        };
        let statistics = row(statistics.iter().map(|var| var.as_detached_tensor()).collect())?;
        Ok(Step { loss: loss.reshape(1)?, names, gradients: of, norm, statistics })
    };
    let (found, expected) = (step(DType::F32, &run.device)?, step(DType::F64, &Device::Cpu)?);
    if found.names != expected.names || found.names.is_empty() {
        let (found, expected) = (found.names.len(), expected.names.len());
        return Err(format!("{found} parameters have gradients, on the processor {expected}").into());
    }
    report.judged(&format!("{name}: loss"), DType::F32, overall(&found.loss, &expected.loss)?, 1e-3);
    report.judged(
        &format!("{name}: gradients"),
        DType::F32,
        overall(&found.gradients, &expected.gradients)?,
        OF_GRADIENTS,
    );
    report.judged(
        &format!("{name}: norm of the gradient"),
        DType::F32,
        (found.norm / expected.norm - 1.0).abs(),
        OF_GRADIENTS,
    );
    report.judged(
        &format!("{name}: statistics"),
        DType::F32,
        overall(&found.statistics, &expected.statistics)?,
        1e-3,
    );
    Ok(())
}

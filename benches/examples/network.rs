//! Seconds of whole networks, forward (`eval`) or a training step without the criterion (`train`).
//!
//! Arguments: `small`, `resnet` or `convnext`; `eval` or `train`; side; batch; runs.

use candle_core::{DType, Device};
use kmax::{KMaxDeepLab, NetworkConfig};
use kmax_backbones::{BackboneConfig, ConvNeXtSize};
use kmax_benches::{cpu_seconds, page_faults, random};
use kmax_nn::{Mode, Params};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, name, mode, side, batch, runs] = arguments.as_slice() else {
        return Err("usage: network small|resnet|convnext eval|train SIDE BATCH RUNS".into());
    };
    let (side, batch, runs): (usize, usize, usize) = (side.parse()?, batch.parse()?, runs.parse()?);
    let config = match name.as_str() {
        "resnet" => NetworkConfig::port(BackboneConfig::resnet50_port(), 133),
        "convnext" => NetworkConfig::port(BackboneConfig::convnext(ConvNeXtSize::Tiny, 0.0), 133),
        _ => NetworkConfig::small(16),
    };
    let params = Params::trainable(None, 1, DType::F32, &Device::Cpu);
    let mut network = KMaxDeepLab::new(&config, &params)?;
    if mode == "eval" {
        let values: std::collections::HashMap<_, _> =
            params.parameters().into_iter().map(|p| (p.name, p.var.as_tensor().detach())).collect();
        network = KMaxDeepLab::new(&config, &Params::frozen(values, DType::F32, &Device::Cpu))?;
    }
    let x = random(&[batch, 3, side, side])?;
    for run in 0..runs {
        let (start, cpu) = (Instant::now(), cpu_seconds());
        let mut forward = 0.0;
        if mode == "eval" {
            network.forward(&x)?;
        } else {
            let trace = network.trace(&x, &Mode::train(1))?;
            let mut loss = trace.decoder.prediction.mask_logits.sqr()?.mean_all()?;
            for logits in trace.decoder.prediction.class_logits.iter().chain(&trace.semantic_logits) {
                loss = (loss + logits.sqr()?.mean_all()?)?;
            }
            forward = cpu_seconds() - cpu;
            loss.backward()?;
        }
        println!(
            "run {run}: {:.3} s, {:.3} CPU-s (forward {forward:.3}), {} page faults",
            start.elapsed().as_secs_f64(),
            cpu_seconds() - cpu,
            page_faults()
        );
    }
    Ok(())
}

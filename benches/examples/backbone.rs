//! CPU seconds of a backbone, forward (`eval`) or a training step (`train`).

use candle_core::{DType, Device};
use kmax_backbones::{BackboneConfig, Level, build};
use kmax_benches::random;
use kmax_nn::{Mode, Params};
use std::time::Instant;

/// Minor page faults of this process.
fn faults() -> u64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    text.split(' ').nth(9).and_then(|n| n.parse().ok()).unwrap_or(0)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let (name, mode) = (arguments[1].as_str(), arguments[2].as_str());
    let (side, batch): (usize, usize) = (arguments[3].parse()?, arguments[4].parse()?);
    let config: BackboneConfig = match name {
        "resnet" => BackboneConfig::resnet50_port(),
        "convnext" => BackboneConfig::convnext(kmax_backbones::ConvNeXtSize::Tiny, 0.0),
        _ => BackboneConfig::efficientnet_lite0(),
    };
    let params = Params::trainable(None, 1, DType::F32, &Device::Cpu);
    let mut network = build(&config, &params)?;
    if mode == "eval" {
        let values: std::collections::HashMap<_, _> =
            params.parameters().into_iter().map(|p| (p.name, p.var.as_tensor().detach())).collect();
        network = build(&config, &Params::frozen(values, DType::F32, &Device::Cpu))?;
    }
    let x = random(&[batch, 3, side, side])?;
    let runs: usize = arguments.get(5).map_or(Ok(6), |n| n.parse())?;
    for _ in 0..runs {
        let start = Instant::now();
        if mode == "eval" {
            network.forward(&x, &Mode::eval())?;
        } else {
            let features = network.forward(&x, &Mode::train(1))?;
            let y = features.get(Level::Res5).clone();
            println!("  forward {:.3}", start.elapsed().as_secs_f64());
            y.sqr()?.mean_all()?.backward()?;
        }
        println!("{:.3} s, {} page faults so far", start.elapsed().as_secs_f64(), faults());
    }
    Ok(())
}

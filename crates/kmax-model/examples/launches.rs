//! Two forward passes on a CUDA device, each between two synchronisations, for a driver that counts what it is asked for
//! (`crates/kmax-kernels/gpu/tests/count`); then what they compute and move, by definition. `launches PRESET SIZE`.

use kmax_model::candle_core::{DType, Device, Tensor};
use kmax_model::{KMaxDeepLab, Params, Preset, profile};
use std::collections::HashMap;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(name), Some(size)) = (arguments.next(), arguments.next()) else {
        return Err("usage: launches PRESET SIZE".into());
    };
    let size: usize = size.parse()?;
    let config = Preset::named(&name).ok_or_else(|| format!("no preset {name}"))?.config();

    // Of zeros: nothing reads what is computed.
    let probe = Params::probe();
    KMaxDeepLab::new(&config.network, &probe)?;
    let zeros = probe
        .shapes()
        .into_iter()
        .map(|(name, shape)| Ok((name, Tensor::zeros(shape, DType::F32, &Device::Cpu)?)));
    let weights = zeros.collect::<Result<HashMap<_, _>, kmax_model::candle_core::Error>>()?;

    let device = Device::new_cuda(0)?;
    let network = KMaxDeepLab::new(&config.network, &Params::frozen(weights, DType::F32, &device))?;
    let images = Tensor::zeros((1, 3, size, size), DType::F32, &device)?;
    for _ in 0..2 {
        device.synchronize()?;
        network.forward(&images)?;
    }
    device.synchronize()?;

    let (logits, rows) = profile::record(|| network.forward(&images));
    logits?;
    let products = || rows.iter().filter(|row| row.operation == "matrix product");
    let multiply_adds: f64 = products().map(|row| row.multiply_adds).sum();
    let of_products: f64 = products().map(|row| row.bytes).sum();
    let others = rows.iter().filter(|row| row.operation != "matrix product");
    let depthwise: f64 = others
        .clone()
        .filter(|row| row.operation.starts_with("depthwise"))
        .map(|row| row.multiply_adds)
        .sum();
    let bytes: f64 = others.map(|row| row.bytes).sum();
    println!("multiply-adds of products {multiply_adds:.3e}, of depthwise convolutions {depthwise:.3e}");
    println!("bytes of operations {bytes:.3e}, of products {of_products:.3e}");
    Ok(())
}

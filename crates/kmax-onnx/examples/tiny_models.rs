//! Writes small models with drawn weights, each with inputs and what our own network says of them, for programs that compare
//! engines: `cargo run --release -p kmax-onnx --example tiny_models -- OUT`.

#[path = "../tests/tiny/mod.rs"]
mod tiny;

use candle_core::{DType, Device, Tensor};
use kmax_model::{KMaxDeepLab, ModelCard, Params, folder};
use kmax_nn::Init;
use std::collections::HashMap;
use std::path::Path;
use tiny::{Result, configs, weights};

/// Heights and widths: of both parities, at strides too.
const SIZES: [(usize, usize); 3] = [(65, 97), (96, 64), (161, 65)];

fn main() -> Result<()> {
    let out = std::env::args().nth(1).ok_or("expected: OUT")?;
    for (name, config) in configs() {
        let weights = weights(&config)?;
        let network =
            KMaxDeepLab::new(&config.network, &Params::frozen(weights.clone(), DType::F32, &Device::Cpu))?;
        let mut tensors = HashMap::new();
        for (height, width) in SIZES {
            let values =
                Init::Normal { std: 1.0 }.values(&format!("{height}x{width}"), 5, 2 * 3 * height * width);
            let input =
                Tensor::from_vec(values, (2, 3, height, width), &Device::Cpu)?.to_dtype(DType::F32)?;
            let logits = network.forward(&input)?;
            let named =
                [("pixel_values", input), ("class_logits", logits.classes), ("mask_logits", logits.masks)];
            tensors.extend(named.map(|(kind, tensor)| (format!("{kind}.{height}x{width}"), tensor)));
        }
        let card = ModelCard { name: name.into(), license: "other".into(), sections: Vec::new() };
        let place = Path::new(&out).join(name);
        folder::save(&place, &config, weights, DType::F32, &card)?;
        candle_core::safetensors::save(&tensors, place.join("expected.safetensors"))?;
        println!("{name}");
    }
    Ok(())
}

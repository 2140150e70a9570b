//! A network beside its peers: the same weights for all, and one run for each line that is read.
//!
//! Arguments: the network (`resnet50`, `convnext_tiny`, `convnext_large`), and
//! `case SIDE FILE`, which draws weights and an image in float64, and writes them with the logits, the training loss and a gradient as
//! safetensors; or `forward SIDE BATCH`, `forward-bf16 SIDE BATCH`, `forward-int8 SIDE BATCH` or `train SIDE BATCH`, which answers each line of standard input with the seconds
//! that one forward pass took, or one step of the gradient, in float32. The number of threads is `RAYON_NUM_THREADS`'s.

use candle_core::{DType, Device, Tensor};
use kmax_benches::{models, random};
use kmax_model::{KMaxDeepLab, NetworkConfig, Params};
use kmax_nn::{Init, Mode};
use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::time::Instant;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// The parameter whose gradient is compared: the first, which all others stand behind.
const FIRST: [&str; 2] = ["backbone.stem.conv1.weight", "backbone.stem.conv.weight"];

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, network, task, side, last] = arguments.as_slice() else {
        return Err(
            "usage: peer NETWORK case SIDE FILE | peer NETWORK forward|forward-bf16|forward-int8|train SIDE BATCH".into(),
        );
    };
    let config = models::config(network).ok_or("an unknown network")?;
    let side: usize = side.parse()?;
    match task.as_str() {
        "case" => case(&config, side, last),
        "forward" | "forward-bf16" | "forward-int8" => {
            let factors = models::factors(task.strip_prefix("forward-").unwrap_or("f32"))
                .ok_or("an unknown precision")?;
            let network = models::frozen(&config, factors)?;
            let x = random(&[last.parse()?, 3, side, side])?;
            answer(|| {
                network.forward(&x)?;
                Ok(())
            })
        }
        "train" => {
            let network = models::trainable(&config)?;
            let x = random(&[last.parse()?, 3, side, side])?;
            answer(|| {
                models::loss(&network, &x)?.backward()?;
                Ok(())
            })
        }
        _ => Err("the task is one of case, forward, forward-bf16, forward-int8, train".into()),
    }
}

/// The seconds of a run for each line, after one that is not counted.
fn answer(run: impl Fn() -> Outcome) -> Outcome {
    run()?;
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        line?;
        let start = Instant::now();
        run()?;
        println!("{:.6}", start.elapsed().as_secs_f64());
        std::io::stdout().flush()?;
    }
    Ok(())
}

fn case(config: &NetworkConfig, side: usize, file: &str) -> Outcome {
    let params = Params::trainable(None, 1, DType::F64, &Device::Cpu);
    let network = KMaxDeepLab::new(config, &params)?.without_dropout();
    let mut tensors: HashMap<String, Tensor> = HashMap::new();
    models::spread(&params)?;
    for parameter in params.parameters() {
        tensors.insert(format!("weights.{}", parameter.name), parameter.var.as_detached_tensor().copy()?);
    }
    let image = Tensor::from_vec(
        Init::Normal { std: 1.0 }.values("image", 3, 2 * 3 * side * side),
        (2, 3, side, side),
        &Device::Cpu,
    )?;
    let trace = network.trace(&image, &Mode::eval())?;
    let classes = trace.decoder.prediction.class_logits.ok_or("no class logits")?;
    tensors.insert("masks".into(), trace.decoder.prediction.mask_logits);
    tensors.insert("classes".into(), classes);
    let loss = models::loss(&network, &image)?;
    let gradients = loss.backward()?;
    let of = |name: &str| params.parameters().into_iter().find(|parameter| parameter.name == name);
    let first = FIRST.iter().find_map(|name| of(name)).ok_or("no stem")?;
    let gradient = gradients.get(first.var.as_tensor()).ok_or("no gradient")?;
    tensors.insert(format!("gradient.{}", first.name), gradient.clone());
    tensors.insert("loss".into(), loss.reshape(1)?);
    tensors.insert("image".into(), image);
    candle_core::safetensors::save(&tensors, file)?;
    Ok(())
}

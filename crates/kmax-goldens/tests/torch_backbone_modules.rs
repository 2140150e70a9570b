//! Building blocks of the backbones against the PyTorch port: evaluation, training, every gradient, running statistics.

use candle_core::{DType, Device, Tensor, Var};
use kmax_backbones::resnet::{Block, BlockShape, ResNetConfig, Stem};
use kmax_backbones::{Backbone, ConvNeXtConfig, ConvNeXtSize, Level, convnext};
use kmax_checkpoints::names::port_backbone;
use kmax_goldens::{Golden, Noise, assert_close};
use kmax_nn::{Activation, LayerNorm, Mode, Params};
use std::collections::HashMap;
use std::error::Error;

type Outputs = Vec<(&'static str, Tensor)>;
type Module = Box<dyn Fn(&Tensor, &Mode) -> Result<Outputs, Box<dyn Error>>>;

struct Case {
    name: &'static str,
    golden: Golden,
    info: serde_json::Value,
}

impl Case {
    fn open(name: &'static str) -> Option<Self> {
        let folder = kmax_goldens::golden("torch/modules")?;
        let info = std::fs::read_to_string(folder.join("info.json")).expect("modules/info.json");
        let info: serde_json::Value = serde_json::from_str(&info).expect("modules/info.json");
        let golden = Golden::read(&folder.join(format!("{name}.safetensors")));
        Some(Self { name, golden, info: info[name]["tensors"].clone() })
    }

    /// Ten times the official float32 run's own noise, at least ten times a float32 rounding of the tensor's size.
    fn noise(&self, tensor: &str) -> Noise {
        let fact = |key: &str| self.info[tensor][key].as_f64().unwrap_or_else(|| panic!("{tensor}: {key}"));
        Noise::abs(10.0 * fact("max_abs_f32_minus_f64").max(f64::from(f32::EPSILON) * fact("rms")))
    }

    fn check(&self, key: &str, ours: &Tensor) -> f64 {
        let what = format!("{} {key}", self.name);
        assert_close(&what, ours, &self.golden.get(key), self.noise(key)).expect("comparable tensors")
    }

    /// `rename` turns the golden's parameter names into ours; `build` makes the module from them.
    fn run(
        &self,
        rename: impl Fn(&str) -> String,
        build: impl Fn(&Params) -> Result<Module, Box<dyn Error>>,
    ) -> Result<(), Box<dyn Error>> {
        let counters = |name: &String| !name.ends_with("num_batches_tracked");
        let stored = self.golden.under("param.");
        let weights: HashMap<String, Tensor> =
            stored.into_iter().filter(|(k, _)| counters(k)).map(|(k, v)| (rename(&k), v)).collect();
        let x = self.golden.get("input.x");

        let frozen = Params::frozen(weights.clone(), DType::F32, &Device::Cpu);
        let folded = build(&frozen)?;
        assert!(frozen.unused().is_empty(), "{}: unused {:?}", self.name, frozen.unused());
        let params = Params::trainable(Some(Box::new(weights.clone())), 0, DType::F32, &Device::Cpu);
        let module = build(&params)?;
        assert_eq!(params.parameters().len(), weights.len(), "{}: parameters not in the golden", self.name);

        let mut largest = 0f64;
        for module in [&folded, &module] {
            for (name, ours) in module(&x, &Mode::eval())? {
                largest = largest.max(self.check(&format!("eval.{name}"), &ours));
            }
        }
        let x = Var::from_tensor(&x)?;
        let mut loss = Tensor::zeros((), DType::F32, &Device::Cpu)?;
        for (name, ours) in module(x.as_tensor(), &Mode::train(0))? {
            largest = largest.max(self.check(&format!("train.{name}"), &ours));
            loss = (loss + (ours * self.golden.get(&format!("cotangent.{name}")))?.sum_all()?)?;
        }
        let gradients = loss.backward()?;
        let gradient = |tensor: &Tensor, key: &str| {
            gradients.get(tensor).cloned().unwrap_or_else(|| panic!("{}: no {key}", self.name))
        };
        let mut worst = self.check("grad.input.x", &gradient(x.as_tensor(), "grad.input.x"));
        let vars: HashMap<_, _> = params.parameters().into_iter().map(|p| (p.name, p.var)).collect();
        let mut seen = 0;
        for key in self.golden.names() {
            let var = |name: &str| vars.get(&rename(name)).unwrap_or_else(|| panic!("{key}: not ours"));
            if let Some(name) = key.strip_prefix("grad.param.") {
                worst = worst.max(self.check(key, &gradient(var(name).as_tensor(), key)));
                seen += 1;
            } else if let Some(name) = key.strip_prefix("after.").filter(|k| counters(&k.to_string())) {
                largest = largest.max(self.check(key, var(name).as_tensor()));
                seen += 1;
            }
        }
        assert_eq!(seen, vars.len(), "{}: every parameter has a gradient or an after-value", self.name);
        eprintln!("{}: outputs within {largest:.1e}, gradients within {worst:.1e}", self.name);
        Ok(())
    }
}

fn port() -> ResNetConfig {
    ResNetConfig { width: 8, ..ResNetConfig::resnet50_port() }
}

fn bottleneck(name: &'static str, input: usize, stride: usize) -> Result<(), Box<dyn Error>> {
    let Some(case) = Case::open(name) else { return Ok(()) };
    case.run(str::to_string, |params| {
        let shape = BlockShape { input, inner: 8, output: 32, stride, axial: false };
        let block = Block::new(shape, Activation::Relu, 0.0, &port(), params)?;
        Ok(Box::new(move |x, mode| Ok(vec![("out", block.forward(x, mode)?)])))
    })
}

#[test]
fn bottleneck_stride1() -> Result<(), Box<dyn Error>> {
    bottleneck("bottleneck_stride1", 32, 1)
}

#[test]
fn bottleneck_stride2_odd() -> Result<(), Box<dyn Error>> {
    bottleneck("bottleneck_stride2_odd", 16, 2)
}

#[test]
fn bottleneck_stride2_even() -> Result<(), Box<dyn Error>> {
    bottleneck("bottleneck_stride2_even", 16, 2)
}

#[test]
fn stem() -> Result<(), Box<dyn Error>> {
    for name in ["stem_odd", "stem_even"] {
        let Some(case) = Case::open(name) else { return Ok(()) };
        case.run(str::to_string, |params| {
            let stem = Stem::new(&port(), params)?;
            Ok(Box::new(move |x, mode| Ok(vec![("out", stem.forward(x, mode)?)])))
        })?;
    }
    Ok(())
}

#[test]
fn layernorm_channels_first() -> Result<(), Box<dyn Error>> {
    let Some(case) = Case::open("layernorm_channels_first") else { return Ok(()) };
    case.run(str::to_string, |params| {
        let norm = LayerNorm::new(16, 1, 1e-6, params)?;
        Ok(Box::new(move |x, _| Ok(vec![("out", norm.forward(x)?)])))
    })
}

#[test]
fn convnext_block() -> Result<(), Box<dyn Error>> {
    let Some(case) = Case::open("convnext_block") else { return Ok(()) };
    let rename = |name: &str| {
        let ours = port_backbone::from_port(&format!("backbone.stages.0.0.{name}"));
        let ours = ours.unwrap_or_else(|| panic!("{name}: no name of ours"));
        ours.trim_start_matches("backbone.stages.0.blocks.0.").to_string()
    };
    case.run(rename, |params| {
        let block = convnext::Block::new(16, 1e-6, 0.0, 1e-6, params)?;
        Ok(Box::new(move |x, mode| Ok(vec![("out", block.forward(x, mode)?)])))
    })
}

#[test]
fn convnext_mini() -> Result<(), Box<dyn Error>> {
    for name in ["convnext_mini_odd", "convnext_mini_even"] {
        let Some(case) = Case::open(name) else { return Ok(()) };
        let rename = |name: &str| {
            let ours = port_backbone::from_port(&format!("backbone.{name}"));
            ours.and_then(|ours| Some(ours.strip_prefix("backbone.")?.to_string()))
                .unwrap_or_else(|| panic!("{name}: no name of ours"))
        };
        case.run(rename, |params| {
            let tiny = ConvNeXtConfig::new(ConvNeXtSize::Tiny, 0.0);
            let config = ConvNeXtConfig { depths: [1, 1, 2, 1], dims: [8, 16, 24, 32], ..tiny };
            let network = convnext::ConvNeXt::new(config, params)?;
            Ok(Box::new(move |x, mode| {
                let features = network.forward(x, mode)?;
                let levels = ["stem", "res2", "res3", "res4", "res5"].into_iter().zip(Level::ALL);
                Ok(levels.map(|(name, level)| (name, features.get(level).clone())).collect())
            }))
        })?;
    }
    Ok(())
}

//! One module of the PyTorch port: outputs in both modes, every gradient, running statistics.

use crate::{Golden, Manifest, ManifestRow, Noise, assert_close, golden_files, report};
use candle_core::{DType, Device, Tensor, Var};
use kmax_nn::{Mode, Params};
use serde_json::Value;
use std::collections::HashMap;
use std::error::Error;

/// Outputs by their names in the golden.
pub type Outputs = Vec<(&'static str, Tensor)>;
/// A module: from its inputs, in the order asked for, to its outputs.
pub type Module = Box<dyn Fn(&[Tensor], &Mode) -> Result<Outputs, Box<dyn Error>>>;

/// What we allow in float32 is this many times the distance of the official float32 run from the float64 one.
const SINGLE: f64 = 10.0;
/// In float64 that distance is all that there is.
const DOUBLE: f64 = 1.1;

/// A case of `golden/torch/modules`.
#[derive(Debug)]
pub struct ModuleCase {
    name: &'static str,
    golden: Golden,
    tensors: Value,
    manifest: Manifest,
}

impl ModuleCase {
    /// Reads the case, or skips the test.
    ///
    /// # Panics
    /// If it is there and cannot be read.
    pub fn open(name: &'static str) -> Option<Self> {
        let file = format!("{name}.safetensors");
        let folder = golden_files("torch/modules", &["info.json", &file])?;
        let info = std::fs::read_to_string(folder.join("info.json")).expect("modules/info.json");
        let info: Value = serde_json::from_str(&info).expect("modules/info.json");
        let rows: Vec<ManifestRow> =
            serde_json::from_value(info[name]["manifest"].clone()).expect("a manifest");
        let golden = Golden::read(&folder.join(file));
        Some(Self { name, golden, tensors: info[name]["tensors"].clone(), manifest: Manifest(rows) })
    }

    fn fact(&self, tensor: &str, key: &str) -> f64 {
        let value = &self.tensors[tensor][key];
        value.as_f64().unwrap_or_else(|| panic!("{}: {tensor}: no {key}", self.name))
    }

    /// The official float32 run's own noise, taken as at least a float32 rounding of the tensor's size.
    ///
    /// A single value may have little noise by luck: it is given the median relative noise of all gradients instead.
    fn noise(&self, tensor: &str, values: usize) -> f64 {
        let (noise, rms) = (self.fact(tensor, "max_abs_f32_minus_f64"), self.fact(tensor, "rms"));
        let rounding = f64::from(f32::EPSILON) * rms;
        let typical = if values == 1 { self.typical_noise() * rms } else { 0.0 };
        noise.max(rounding).max(typical)
    }

    fn typical_noise(&self) -> f64 {
        let names = self.tensors.as_object().into_iter().flat_map(|all| all.keys());
        let relative = names.filter(|name| name.starts_with("grad.") && self.fact(name, "rms") > 1e-6);
        let relative = relative.map(|name| self.fact(name, "max_abs_f32_minus_f64") / self.fact(name, "rms"));
        let mut relative: Vec<f64> = relative.collect();
        relative.sort_by(f64::total_cmp);
        relative[relative.len() / 2]
    }

    /// Gives the largest difference over the noise.
    fn check(&self, key: &str, ours: &Tensor) -> Result<f64, Box<dyn Error>> {
        let what = format!("{} {key} {:?}", self.name, ours.dtype());
        let golden = self.golden.get(key);
        if ours.dtype() == DType::U32 {
            let same = ours.to_dtype(DType::I64)?.eq(&golden)?.flatten_all()?.min(0)?.to_scalar::<u8>()?;
            assert_eq!(same, 1, "{what}: integers differ");
            return Ok(0.0);
        }
        let noise = self.noise(key.trim_end_matches(".first4096"), golden.elem_count());
        let times = if ours.dtype() == DType::F64 { DOUBLE } else { SINGLE };
        Ok(assert_close(&what, ours, &golden, Noise::abs(times * noise))? / noise)
    }

    /// A gradient, of which a large one is stored in part with its norm.
    fn check_gradient(&self, key: &str, ours: &Tensor) -> Result<f64, Box<dyn Error>> {
        let Some(whole) = key.strip_suffix(".first4096") else { return self.check(key, ours) };
        let norm = ours.to_dtype(DType::F64)?.sqr()?.sum_all()?.to_scalar::<f64>()?.sqrt();
        let expected = self.fact(whole, "l2");
        let difference = (norm / expected - 1.0).abs();
        assert!(difference < 1e-5, "{} {whole}: norm {norm}, expected {expected}", self.name);
        self.check(key, &ours.flatten_all()?.narrow(0, 0, 4096)?)
    }

    /// Checks everything that is stored, in float32 and in float64. `inputs` are the names of the inputs, `rename` turns the
    /// golden's parameter names into ours, `build` makes the module from them, once with folded norms and once to train.
    ///
    /// # Errors
    /// If the module fails.
    ///
    /// # Panics
    /// If a value differs, or a parameter is on one side only.
    pub fn run(
        &self,
        inputs: &[&str],
        rename: impl Fn(&str) -> String,
        build: impl Fn(&Params) -> Result<Module, Box<dyn Error>>,
    ) -> Result<(), Box<dyn Error>> {
        let official = |name: &str| {
            let rest = name.strip_prefix(self.name).and_then(|rest| rest.strip_prefix('.'));
            rest.unwrap_or_else(|| panic!("{name}: not of {}", self.name)).to_string()
        };
        let weights = self.manifest.tensors()?.into_iter().map(|(name, tensor)| (official(&name), tensor));
        let weights: HashMap<String, Tensor> = weights.map(|(name, t)| (rename(&name), t)).collect();
        for (name, stored) in self.golden.under("param.").iter().filter(|(_, t)| t.dtype() == DType::F32) {
            assert_close(name, &weights[&rename(name)], stored, Noise::abs(0.0))?;
        }
        for (dtype, times) in [(DType::F32, SINGLE), (DType::F64, DOUBLE)] {
            let frozen = Params::frozen(weights.clone(), dtype, &Device::Cpu);
            let folded = build(&frozen)?;
            assert!(frozen.unused().is_empty(), "{}: unused {:?}", self.name, frozen.unused());
            let params = Params::trainable(Some(Box::new(weights.clone())), 0, dtype, &Device::Cpu);
            let module = build(&params)?;
            assert_eq!(
                params.parameters().len(),
                weights.len(),
                "{}: parameters not in the golden",
                self.name
            );
            let outputs = self.check_outputs(inputs, &[&folded, &module], dtype)?;
            let (after, gradients) = self.check_training(inputs, &module, &params, &rename)?;
            let outputs = outputs.max(after);
            let largest = format!("outputs {outputs:.2} x noise, gradients {gradients:.2} x noise");
            report(&format!("torch/modules/{} {dtype:?}", self.name), &format!("{times} x noise"), &largest);
        }
        Ok(())
    }

    fn check_outputs(
        &self,
        inputs: &[&str],
        modules: &[&Module],
        dtype: DType,
    ) -> Result<f64, Box<dyn Error>> {
        let values = inputs.iter().map(|name| self.golden.get(&format!("input.{name}")).to_dtype(dtype));
        let values = values.collect::<candle_core::Result<Vec<_>>>()?;
        let mut largest = 0f64;
        for module in modules {
            for (name, ours) in module(&values, &Mode::eval())? {
                largest = largest.max(self.check(&format!("eval.{name}"), &ours)?);
            }
        }
        Ok(largest)
    }

    /// Gives the largest difference of outputs and statistics, and that of gradients.
    fn check_training(
        &self,
        inputs: &[&str],
        module: &Module,
        params: &Params,
        rename: impl Fn(&str) -> String,
    ) -> Result<(f64, f64), Box<dyn Error>> {
        let dtype = params.dtype();
        let get = |name: &str| self.golden.get(name).to_dtype(dtype);
        let inputs: Vec<_> = inputs.iter().map(|name| format!("input.{name}")).collect();
        let vars = inputs.iter().map(|name| Var::from_tensor(&get(name)?));
        let vars = vars.collect::<candle_core::Result<Vec<_>>>()?;
        let given: Vec<_> = vars.iter().map(|var| var.as_tensor().clone()).collect();
        let (mut outputs, mut worst) = (0f64, 0f64);
        let mut loss = Tensor::zeros((), dtype, &Device::Cpu)?;
        for (name, ours) in module(&given, &Mode::train(0))? {
            outputs = outputs.max(self.check(&format!("train.{name}"), &ours)?);
            if ours.dtype() != DType::U32 {
                loss = (loss + (ours * get(&format!("cotangent.{name}"))?)?.sum_all()?)?;
            }
        }
        let gradients = loss.backward()?;
        let gradient = |tensor: &Tensor, key: &str| {
            gradients.get(tensor).cloned().unwrap_or_else(|| panic!("{}: no {key}", self.name))
        };
        for (name, x) in inputs.iter().zip(&given) {
            let key = format!("grad.{name}");
            worst = worst.max(self.check(&key, &gradient(x, &key))?);
        }
        let vars: HashMap<_, _> = params.parameters().into_iter().map(|p| (p.name, p.var)).collect();
        let mut seen = 0;
        for key in self.golden.names() {
            let var = |name: &str| vars.get(&rename(name)).unwrap_or_else(|| panic!("{key}: not ours"));
            if let Some(name) = key.strip_prefix("grad.param.") {
                let tensor = var(name.trim_end_matches(".first4096")).as_tensor();
                worst = worst.max(self.check_gradient(key, &gradient(tensor, key))?);
                seen += 1;
            } else if let Some(name) =
                key.strip_prefix("after.").filter(|k| !k.ends_with("num_batches_tracked"))
            {
                outputs = outputs.max(self.check(key, var(name).as_tensor())?);
                seen += 1;
            }
        }
        assert_eq!(seen, vars.len(), "{}: every parameter has a gradient or an after-value", self.name);
        Ok((outputs, worst))
    }
}

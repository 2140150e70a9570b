//! Whole models with drawn weights.

use candle_core::{DType, Device, Tensor};
use kmax_backbones::{BackboneConfig, ConvNeXtSize};
use kmax_model::{KMaxDeepLab, NetworkConfig, Result};
use kmax_nn::{Factors, Init, Mode, Params, Role, TensorSource};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The network of that name: `resnet50`, `convnext_tiny`, `convnext_large`, `max_s`, or `small`, the built-in model's.
pub fn config(name: &str) -> Option<NetworkConfig> {
    let convnext = |size| NetworkConfig::pytorch(BackboneConfig::convnext(size, 0.0), 133);
    Some(match name {
        "resnet50" => NetworkConfig::pytorch(BackboneConfig::resnet50_pytorch(), 133),
        "convnext_tiny" => convnext(ConvNeXtSize::Tiny),
        "convnext_large" => convnext(ConvNeXtSize::Large),
        "max_s" => NetworkConfig::deeplab2(BackboneConfig::max_s(), 133),
        "small" => NetworkConfig::small(16),
        _ => return None,
    })
}

/// What `f32`, `bf16` and `int8` mean on the processor.
pub fn factors(precision: &str) -> Option<Factors> {
    match precision {
        "f32" => Some(Factors::Exact),
        "bf16" => Some(Factors::Bfloat16),
        "int8" => Some(Factors::Int8),
        _ => None,
    }
}

/// Frozen as a loaded model is, for such factors.
///
/// # Errors
/// If a parameter does not fit.
pub fn frozen(config: &NetworkConfig, factors: Factors) -> Result<KMaxDeepLab> {
    let params = Params::trainable(None, 1, DType::F32, &Device::Cpu);
    KMaxDeepLab::new(config, &params)?;
    let values: HashMap<_, _> =
        params.parameters().into_iter().map(|p| (p.name, p.var.as_tensor().detach())).collect();
    drop(params);
    let frozen = match config.backbone {
        // Its layers of stride 2 read their parameters twice.
        BackboneConfig::EfficientNetLite(_) => Params::frozen(values, DType::F32, &Device::Cpu),
        _ => Params::frozen(Once(Mutex::new(values)), DType::F32, &Device::Cpu),
    };
    KMaxDeepLab::new(config, &frozen.with_factors(factors))
}

/// Weights that are let go once they are read, as those of a file are: beside the network that is built, none are left.
struct Once(Mutex<HashMap<String, Tensor>>);

impl TensorSource for Once {
    fn tensor(&self, name: &str) -> kmax_nn::Result<Option<Tensor>> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name))
    }

    fn names(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }
}

/// Draws what begins as an identity or zero, behind which mistakes would hide: norms, scales and their statistics.
///
/// # Errors
/// If Candle fails.
pub fn spread(params: &Params) -> Result<()> {
    for parameter in params.parameters() {
        let shape = parameter.var.dims().to_vec();
        let around = |centre: f64, bound: f64| -> Result<()> {
            let drawn = Init::Uniform { bound }.values(&parameter.name, 2, shape.iter().product());
            let values: Vec<f64> = drawn.into_iter().map(|value| centre + value).collect();
            let values = Tensor::from_vec(values, shape.as_slice(), &Device::Cpu)?;
            Ok(parameter.var.set(&values.to_dtype(parameter.var.dtype())?)?)
        };
        match parameter.role {
            Role::Norm | Role::Scale if parameter.name.ends_with("bias") => around(0.0, 0.2)?,
            Role::Norm | Role::Scale => around(0.8, 0.4)?,
            Role::Statistic if parameter.name.ends_with("running_var") => around(1.0, 0.5)?,
            Role::Statistic => around(0.0, 0.2)?,
            _ => {}
        }
    }
    Ok(())
}

/// Drawn and [`spread`] weights by name, float32 on the processor.
///
/// # Errors
/// If the configuration is wrong.
pub fn weights(config: &NetworkConfig) -> Result<HashMap<String, Tensor>> {
    let params = Params::trainable(None, 1, DType::F32, &Device::Cpu);
    KMaxDeepLab::new(config, &params)?;
    spread(&params)?;
    Ok(params.parameters().into_iter().map(|p| (p.name, p.var.as_tensor().detach())).collect())
}

/// Ready to be trained.
///
/// # Errors
/// If a parameter does not fit.
pub fn trainable(config: &NetworkConfig) -> Result<KMaxDeepLab> {
    KMaxDeepLab::new(config, &Params::trainable(None, 1, DType::F32, &Device::Cpu))
}

/// What a training step goes back from: squares in place of the criterion.
///
/// # Errors
/// If the shape of the images does not fit.
pub fn loss(network: &KMaxDeepLab, images: &Tensor) -> Result<Tensor> {
    let trace = network.trace(images, &Mode::train(1))?;
    let mut loss = trace.decoder.prediction.mask_logits.sqr()?.mean_all()?;
    for logits in trace.decoder.prediction.class_logits.iter().chain(&trace.semantic_logits) {
        loss = (loss + logits.sqr()?.mean_all()?)?;
    }
    Ok(loss)
}

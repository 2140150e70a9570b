//! Which learning rate and decay a parameter has.

use super::AdamWConfig;
use kmax_nn::{Parameter, Role};

/// The settings of one parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Group {
    /// Learning rate relative to the schedule's.
    pub multiplier: f64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
}

impl Group {
    /// Both reference implementations: parameters of the backbone learn at their own rate; kernels decay, while biases, norms, layer
    /// scales, relative positions and cluster centers do not. (`build_optimizer` of PyTorch's train_net.py;
    /// `_create_optimizer` of deeplab2's trainer.py.)
    pub fn of(parameter: &Parameter, config: &AdamWConfig) -> Self {
        let backbone = parameter.name.starts_with("backbone.");
        Self {
            multiplier: if backbone { config.backbone_multiplier } else { 1.0 },
            weight_decay: if parameter.role == Role::Kernel { config.weight_decay } else { 0.0 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device, Var};
    use kmax_nn::Result;

    #[test]
    fn roles_and_prefixes_decide() -> Result<()> {
        let config = AdamWConfig::pytorch();
        let group = |name: &str, role| -> Result<(f64, f64)> {
            let var = Var::zeros((1,), DType::F32, &Device::Cpu)?;
            let group = Group::of(&Parameter { name: name.into(), var, role }, &config);
            Ok((group.multiplier, group.weight_decay))
        };
        assert_eq!(group("backbone.stem.weight", Role::Kernel)?, (0.1, 0.05));
        assert_eq!(group("backbone.stem.norm.weight", Role::Norm)?, (0.1, 0.0));
        assert_eq!(group("backbone.scale", Role::Scale)?, (0.1, 0.0));
        assert_eq!(group("decoder.weight", Role::Kernel)?, (1.0, 0.05));
        assert_eq!(group("decoder.queries", Role::Embedding)?, (1.0, 0.0));
        assert_eq!(group("decoder.backbone.bias", Role::Bias)?, (1.0, 0.0));
        Ok(())
    }
}

//! The layers as Candle's modules.
//!
//! A layer is either a [`Module`] or a [`ModuleT`]: Candle makes every module the latter as well. Training through
//! [`ModuleT`] draws what is random from [`Mode::of`].

use super::{
    AxialAttention, AxialAttention2d, BatchNorm, Conv2d, ConvNorm, DropPath, Dropout, LayerNorm, Pointwise1d,
};
use crate::mode::Mode;
use candle_core::{Module, ModuleT, Result, Tensor};

impl Module for Conv2d {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(Conv2d::forward(self, x)?)
    }
}

impl Module for LayerNorm {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(LayerNorm::forward(self, x)?)
    }
}

/// Layers whose `forward` takes a mode.
macro_rules! with_mode {
    ($($layer:ident),*) => {$(
        impl ModuleT for $layer {
            fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
                Ok(self.forward(x, &Mode::of(train))?)
            }
        }
    )*};
}
with_mode!(AxialAttention, AxialAttention2d, BatchNorm, ConvNorm, DropPath, Dropout, Pointwise1d);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Params;
    use crate::layers::{AxialConfig, BatchNormConfig, ConvConfig, Evaluating};
    use candle_core::{DType, Device};
    use candle_nn::{Sequential, VarBuilder, VarMap, seq};
    use kmax_kernels::Activation;

    /// Fills a map with what the layers ask for, as a Candle user's trained model has it.
    fn filled(build: impl Fn(&Params) -> crate::Result<Sequential>) -> crate::Result<VarMap> {
        let asked = Params::trainable(None, 5, DType::F64, &Device::Cpu);
        build(&asked)?;
        let map = VarMap::new();
        let mut data = map.data().lock().expect("no panic before");
        data.extend(asked.parameters().into_iter().map(|p| (format!("model.{}", p.name), p.var)));
        drop(data);
        Ok(map)
    }

    #[test]
    fn layers_of_a_var_builder_stand_in_a_sequence_of_candle() -> crate::Result<()> {
        let build = |params: &Params| {
            let init = crate::Init::Normal { std: 0.3 };
            let norm = BatchNormConfig::default();
            let conv =
                ConvNorm::new(ConvConfig::new(3, 8, 3), init, norm, Activation::Relu, &params.pp("a"))?;
            let attention = AxialConfig { heads: 2, ..AxialConfig::new(8, 4, norm) };
            Ok(seq()
                .add(Evaluating(conv))
                .add(Evaluating(AxialAttention2d::new(attention, 1, &params.pp("b"))?))
                .add(Activation::Gelu)
                .add(LayerNorm::new(8, 1, 1e-6, &params.pp("c"))?)
                .add(Evaluating(DropPath { rate: 0.5 }))
                .add(Conv2d::linear(8, 2, init, &params.pp("d"))?))
        };
        let map = filled(build)?;
        let vb = VarBuilder::from_varmap(&map, DType::F64, &Device::Cpu);
        let model = build(&Params::from_var_builder(vb.pp("model")))?;
        let x = Tensor::randn(0f64, 1.0, (2, 3, 6, 7), &Device::Cpu)?;
        let y = model.forward(&x)?;
        assert_eq!(y.dims(), [2, 2, 6, 7]);
        assert!(!y.track_op());
        Ok(())
    }

    #[test]
    fn training_steps_draw_anew() -> Result<()> {
        let x = Tensor::ones(64, DType::F64, &Device::Cpu)?;
        let drop = Dropout { rate: 0.5 };
        let [a, b] = [drop.forward_t(&x, true)?, drop.forward_t(&x, true)?].map(|y| y.to_vec1::<f64>());
        assert_ne!(a?, b?);
        assert_eq!(drop.forward_t(&x, false)?.to_vec1::<f64>()?, [1.0; 64]);
        Ok(())
    }
}

//! Layers one after the other, as one step of the gradient.

use super::{Activation, BatchNorm, ConvNorm, DropPath};
use crate::{Mode, Result, ops};
use candle_core::Tensor;

impl ConvNorm {
    /// `layers` one after the other of `x` `[b, c, h, w]`; with a `shortcut`, `x` plus their result behind that drop path.
    /// In training one step of the gradient, faster than its parts; [`Mode::recomputing`] holds.
    ///
    /// # Errors
    /// If the shapes do not fit, or if a folded layer is asked to train.
    pub fn chain(layers: &[&Self], x: &Tensor, shortcut: Option<DropPath>, mode: &Mode) -> Result<Tensor> {
        let open = match mode.is_train() && ops::has_kernel(x) {
            true => layers.iter().map(|layer| layer.link()).collect(),
            false => None,
        };
        let ends_plain = layers.last().is_some_and(|last| last.activation == Activation::Identity);
        let Some(open) = open.filter(|_: &Vec<_>| ends_plain || shortcut.is_none()) else {
            let y = layers.iter().try_fold(x.clone(), |x, layer| layer.forward(&x, mode))?;
            return match shortcut {
                Some(drop_path) => Ok((drop_path.forward(&y, mode)? + x)?),
                None => Ok(y),
            };
        };
        let (norms, links): (Vec<&BatchNorm>, Vec<ops::Link>) = open.into_iter().unzip();
        let scales = shortcut.map(|drop_path| Ok::<_, crate::Error>(drop_path.scales(x.dim(0)?, mode)));
        let ops::Chained { output, statistics } =
            ops::conv_norm_chain(x, &links, scales.transpose()?, mode.recomputes())?;
        for (norm, (mean, variance, count)) in norms.into_iter().zip(statistics) {
            norm.update(&mean, &variance, count)?;
        }
        Ok(output)
    }

    /// The norm and the layer as a link, unless it is folded, has a bias or ends in GELU.
    fn link(&self) -> Option<(&BatchNorm, ops::Link)> {
        let (kernel, config) = self.conv.without_bias()?;
        let norm = self.norm.as_ref().filter(|_| self.activation != Activation::Gelu)?;
        let (gain, shift, eps) = norm.parts();
        let link = ops::Link {
            kernel: kernel.clone(),
            stride: config.stride,
            padding: config.padding,
            dilation: config.dilation,
            groups: config.groups,
            gain: gain.clone(),
            shift: shift.clone(),
            eps,
            activation: self.activation,
        };
        Some((norm, link))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ConvConfig, Init, Params};
    use candle_core::{DType, Device, Var};

    #[derive(Clone, Copy, PartialEq)]
    enum Form {
        Layers,
        Chain,
        Recomputed,
    }

    /// Result, gradients by name (the input's as `x`) and running statistics after one step of an inverted residual block.
    fn step(form: Form, shortcut: bool) -> Result<Vec<(String, Vec<f64>)>> {
        let params = Params::trainable(None, 3, DType::F64, &Device::Cpu);
        let layer = |name: &str, config, activation| {
            ConvNorm::new(config, Init::Normal { std: 0.4 }, Default::default(), activation, &params.pp(name))
        };
        let layers = [
            layer("a", ConvConfig::new(3, 6, 1), Activation::Relu6)?,
            layer("b", ConvConfig::depthwise(6, 3), Activation::Relu6)?,
            layer("c", ConvConfig::new(6, 3, 1), Activation::Identity)?,
        ];
        let values = Init::Normal { std: 1.0 }.values("x", 1, 4 * 3 * 35);
        let x = Var::from_tensor(&Tensor::from_vec(values, (4, 3, 5, 7), &Device::Cpu)?)?;
        let mode = Mode::train(5).recomputing(form == Form::Recomputed);
        let drop_path = shortcut.then_some(DropPath { rate: 0.4 });
        let y = match form {
            Form::Chain | Form::Recomputed => {
                ConvNorm::chain(&layers.each_ref(), x.as_tensor(), drop_path, &mode)?
            }
            Form::Layers => {
                let y = layers.iter().try_fold(x.as_tensor().clone(), |x, layer| layer.forward(&x, &mode))?;
                match drop_path {
                    Some(drop_path) => (drop_path.forward(&y, &mode)? + x.as_tensor())?,
                    None => y,
                }
            }
        };
        let gradients = y.sqr()?.sum_all()?.backward()?;
        let mut found =
            vec![("y".to_string(), y), ("x".into(), gradients.get(&x).expect("a gradient").clone())];
        for parameter in params.parameters() {
            let value = gradients.get(&parameter.var).unwrap_or(parameter.var.as_tensor()).clone();
            found.push((parameter.name, value));
        }
        found.into_iter().map(|(name, tensor)| Ok((name, tensor.flatten_all()?.to_vec1()?))).collect()
    }

    #[test]
    fn a_chain_is_its_layers() -> Result<()> {
        for shortcut in [false, true] {
            let (parts, whole) = (step(Form::Layers, shortcut)?, step(Form::Chain, shortcut)?);
            assert_eq!(parts.len(), 2 + 3 * 5);
            assert_eq!(whole, step(Form::Recomputed, shortcut)?);
            for ((name, expected), (_, found)) in parts.iter().zip(&whole) {
                let scale = expected.iter().fold(1.0f64, |most, v| most.max(v.abs()));
                let near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-12 * scale;
                assert!(expected.len() == found.len() && expected.iter().zip(found).all(near), "{name}");
            }
        }
        Ok(())
    }
}

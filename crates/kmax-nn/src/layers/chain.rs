//! Layers one after the other, as one step of the gradient.

use super::{Activation, BatchNorm, ConvNorm, DropPath};
use crate::{Mode, Result, ops};
use candle_core::Tensor;

/// An activation and layers, one after the other, and the shortcut around the layers: in training one step of the gradient,
/// faster than its parts. [`Mode::recomputing`] holds.
#[derive(Debug, Clone, Copy)]
pub struct Chain<'a> {
    /// Applied to the input first; the shortcut starts behind it.
    pub before: Activation,
    /// At least one. The last one has no activation where there is a shortcut.
    pub layers: &'a [&'a ConvNorm],
    /// What is added to their result.
    pub shortcut: Option<Shortcut<'a>>,
}

/// A shortcut around a [`Chain`].
#[derive(Debug, Clone, Copy)]
pub struct Shortcut<'a> {
    /// Of the result to which it is added.
    pub drop_path: DropPath,
    /// A layer without an activation on its way.
    pub layer: Option<&'a ConvNorm>,
}

impl Chain<'_> {
    /// Maps `x` `[b, c, h, w]`.
    ///
    /// # Errors
    /// If the shapes do not fit, or if a folded layer is asked to train.
    pub fn forward(&self, x: &Tensor, mode: &Mode) -> Result<Tensor> {
        let aside = self.shortcut.and_then(|shortcut| shortcut.layer);
        let open = match mode.is_train() && ops::has_kernel(x) {
            true => self.layers.iter().copied().chain(aside).map(ConvNorm::link).collect(),
            false => None,
        };
        let mut ends = self.layers.last().copied().into_iter().chain(aside);
        let plain_ends = ends.all(|layer| layer.activation == Activation::Identity);
        let Some(open) = open.filter(|_: &Vec<_>| plain_ends || self.shortcut.is_none()) else {
            return self.forward_parts(x, mode);
        };
        let (norms, mut links): (Vec<&BatchNorm>, Vec<ops::Link>) = open.into_iter().unzip();
        let residual = match self.shortcut {
            Some(Shortcut { drop_path, .. }) => {
                let link = aside.and_then(|_| links.pop());
                Some(ops::Residual { scales: drop_path.scales(x.dim(0)?, mode), link })
            }
            None => None,
        };
        let ops::Chained { output, statistics } =
            ops::conv_norm_chain(x, self.before, &links, residual.as_ref(), mode.recomputes())?;
        for (norm, (mean, variance, count)) in norms.into_iter().zip(statistics) {
            norm.update(&mean, &variance, count)?;
        }
        Ok(output)
    }

    fn forward_parts(&self, x: &Tensor, mode: &Mode) -> Result<Tensor> {
        let x = self.before.forward(x)?;
        let Some((shortcut, (last, layers))) = self.shortcut.zip(self.layers.split_last()) else {
            return self.layers.iter().try_fold(x, |x, layer| layer.forward(&x, mode));
        };
        let inner = layers.iter().try_fold(x.clone(), |x, layer| layer.forward(&x, mode))?;
        let aside = match shortcut.layer {
            Some(layer) => layer.forward(&x, mode)?,
            None => x,
        };
        if !mode.is_train() && last.activation == Activation::Identity {
            return last.forward_finished(&inner, Some(&aside), Activation::Identity, mode);
        }
        Ok((shortcut.drop_path.forward(&last.forward(&inner, mode)?, mode)? + aside)?)
    }
}

impl ConvNorm {
    /// The norm and the layer as a link, unless it is folded.
    fn link(&self) -> Option<(&BatchNorm, ops::Link)> {
        let (kernel, bias, config) = self.conv.open_parts()?;
        let norm = self.norm.as_ref()?;
        let (gain, shift, eps) = norm.parts();
        let link = ops::Link {
            kernel: kernel.clone(),
            bias: bias.cloned(),
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

    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Around {
        Nothing,
        Shortcut,
        Layer,
    }

    /// Result, gradients by name (the input's as `x`) and running statistics after one step.
    fn step(form: Form, inside: Activation, around: Around) -> Result<Vec<(String, Vec<f64>)>> {
        let params = Params::trainable(None, 3, DType::F64, &Device::Cpu);
        let layer = |name: &str, config, activation| {
            ConvNorm::new(config, Init::Normal { std: 0.4 }, Default::default(), activation, &params.pp(name))
        };
        let ends = if around == Around::Nothing { inside } else { Activation::Identity };
        let output = if around == Around::Layer { 4 } else { 3 };
        let layers = [
            layer("a", ConvConfig::new(3, 6, 1), inside)?,
            layer("b", ConvConfig::depthwise(6, 3), inside)?,
            layer("c", ConvConfig::new(6, output, 1).with_bias(), ends)?,
        ];
        let aside = match around {
            Around::Layer => Some(layer("d", ConvConfig::new(3, 4, 1), Activation::Identity)?),
            _ => None,
        };
        let values = Init::Normal { std: 1.0 }.values("x", 1, 4 * 3 * 35);
        let x = Var::from_tensor(&Tensor::from_vec(values, (4, 3, 5, 7), &Device::Cpu)?)?;
        let mode = Mode::train(5).recomputing(form == Form::Recomputed);
        let shortcut = Shortcut { drop_path: DropPath { rate: 0.4 }, layer: aside.as_ref() };
        let shortcut = (around != Around::Nothing).then_some(shortcut);
        let before = if inside == Activation::Gelu { Activation::Gelu } else { Activation::Identity };
        let layers = layers.each_ref();
        let chain = Chain { before, layers: &layers, shortcut };
        let y = match form {
            Form::Layers => chain.forward_parts(x.as_tensor(), &mode)?,
            _ => chain.forward(x.as_tensor(), &mode)?,
        };
        let weights = Init::Normal { std: 1.0 }.values("y", 1, y.elem_count());
        let weights = Tensor::from_vec(weights, y.shape(), &Device::Cpu)?;
        let gradients = (&y * weights)?.sum_all()?.backward()?;
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
        for inside in [Activation::Relu6, Activation::Gelu] {
            for around in [Around::Nothing, Around::Shortcut, Around::Layer] {
                let parts = step(Form::Layers, inside, around)?;
                let whole = step(Form::Chain, inside, around)?;
                assert_eq!(parts.len(), 2 + 3 * 5 + 1 + if around == Around::Layer { 5 } else { 0 });
                assert_eq!(whole, step(Form::Recomputed, inside, around)?);
                for ((name, expected), (_, found)) in parts.iter().zip(&whole) {
                    let scale = expected.iter().fold(1.0f64, |most, v| most.max(v.abs()));
                    let near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-12 * scale;
                    let same = expected.len() == found.len() && expected.iter().zip(found).all(near);
                    assert!(same, "{name}, {inside:?}, {around:?}");
                }
            }
        }
        Ok(())
    }
}

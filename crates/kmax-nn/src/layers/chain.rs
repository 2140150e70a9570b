//! Layers one after the other, fused as far as inference and training allow.

use super::batch_norm::BatchNorm;
use super::conv_norm::ConvNorm;
use super::drop_path::DropPath;
use crate::error::Result;
use crate::mode::Mode;
use candle_core::Tensor;
use kmax_kernels as kernels;
use kmax_kernels::Activation;

/// An activation, layers one after the other, a residual and an activation behind the sum: what a block says of its own
/// structure.
///
/// Each part but the first layer is optional. In inference the sum and the last activation are done in the pass that writes
/// the last layer's output; in training the whole is one step of the gradient where the device has a kernel for it, faster
/// and smaller than its parts. [`Mode::recomputing`] holds.
#[derive(Debug, Clone)]
pub struct Chain<'a> {
    before: Activation,
    first: &'a ConvNorm,
    rest: Vec<&'a ConvNorm>,
    residual: Option<Residual<'a>>,
    after: Activation,
}

/// What is added to the result of the layers.
#[derive(Debug, Clone, Copy)]
struct Residual<'a> {
    from: From<'a>,
    /// Of the result to which it is added.
    drop_path: DropPath,
}

/// Where a residual comes from.
#[derive(Debug, Clone, Copy)]
enum From<'a> {
    /// The activated input.
    Input,
    /// A layer of the activated input.
    Projection(&'a ConvNorm),
    /// Elsewhere.
    Map(&'a Tensor),
}

impl<'a> Chain<'a> {
    /// Of one layer.
    pub fn new(first: &'a ConvNorm) -> Self {
        let (before, after) = (Activation::Identity, Activation::Identity);
        Self { before, first, rest: Vec::new(), residual: None, after }
    }

    /// With one more layer.
    #[must_use]
    pub fn then(mut self, layer: &'a ConvNorm) -> Self {
        self.rest.push(layer);
        self
    }

    /// With an activation of the input, in front of layers and residual.
    #[must_use]
    pub fn before(self, activation: Activation) -> Self {
        Self { before: activation, ..self }
    }

    /// With an activation of the result, behind the sum.
    #[must_use]
    pub fn after(self, activation: Activation) -> Self {
        Self { after: activation, ..self }
    }

    /// With the activated input added to the result of the layers, through `projection` if there is one; `drop_path` is of
    /// the layers' result.
    #[must_use]
    pub fn residual(self, projection: Option<&'a ConvNorm>, drop_path: DropPath) -> Self {
        let from = projection.map_or(From::Input, From::Projection);
        Self { residual: Some(Residual { from, drop_path }), ..self }
    }

    /// With a map of the output's shape added to the result of the layers; `drop_path` is of the latter.
    #[must_use]
    pub fn plus(self, map: &'a Tensor, drop_path: DropPath) -> Self {
        Self { residual: Some(Residual { from: From::Map(map), drop_path }), ..self }
    }

    /// Maps `x` `[b, c, h, w]`.
    ///
    /// # Errors
    /// If the shapes do not fit, or if a folded layer is asked to train.
    pub fn forward(&self, x: &Tensor, mode: &Mode) -> Result<Tensor> {
        if mode.is_train()
            && kernels::has_kernel(x)
            && let Some(y) = self.train(x, mode)?
        {
            return Ok(y);
        }
        self.forward_parts(x, mode)
    }

    fn layers(&self) -> impl Iterator<Item = &'a ConvNorm> {
        std::iter::once(self.first).chain(self.rest.iter().copied())
    }

    fn last(&self) -> &'a ConvNorm {
        self.rest.last().copied().unwrap_or(self.first)
    }

    /// One step of the gradient; `None` if a layer is folded, or has an activation of its own in front of the sum.
    fn train(&self, x: &Tensor, mode: &Mode) -> Result<Option<Tensor>> {
        // What comes from elsewhere is added behind the step.
        let inner = self.residual.filter(|residual| !matches!(residual.from, From::Map(_)));
        let projection = match inner {
            Some(Residual { from: From::Projection(layer), .. }) => Some(layer),
            _ => None,
        };
        let linear_ends = [Some(self.last()), projection].into_iter().flatten().all(ConvNorm::is_linear);
        let links: Option<Vec<_>> = self.layers().chain(projection).map(|layer| layer.link(mode)).collect();
        let Some(links) = links.filter(|_| inner.is_none() || linear_ends) else { return Ok(None) };
        let (norms, mut links): (Vec<&BatchNorm>, Vec<kernels::Link>) = links.into_iter().unzip();
        let residual = match inner {
            Some(Residual { drop_path, .. }) => {
                let link = projection.and_then(|_| links.pop());
                Some(kernels::Residual { scales: drop_path.scales(x.dim(0)?, mode), link })
            }
            None => None,
        };
        let kernels::Chained { output, statistics } =
            kernels::conv_norm_chain(x, self.before, &links, residual.as_ref(), mode.recomputes())?;
        for (norm, (mean, variance, count)) in norms.into_iter().zip(statistics) {
            norm.update(&mean, &variance, count)?;
        }
        let sum = match self.residual {
            Some(Residual { from: From::Map(map), drop_path }) => (drop_path.forward(&output, mode)? + map)?,
            _ => output,
        };
        Ok(Some(self.after.forward(&sum)?))
    }

    fn forward_parts(&self, x: &Tensor, mode: &Mode) -> Result<Tensor> {
        let (start, last) = (self.before.forward(x)?, self.last());
        let earlier = self.layers().take(self.rest.len());
        let inner = earlier.into_iter().try_fold(start.clone(), |x, layer| layer.forward(&x, mode))?;
        let Some(Residual { from, drop_path }) = self.residual else {
            return Ok(self.after.forward(&last.forward(&inner, mode)?)?);
        };
        let residual = match from {
            From::Input => start,
            From::Projection(layer) => layer.forward(&start, mode)?,
            From::Map(map) => map.clone(),
        };
        if !mode.is_train() && last.is_linear() {
            return last.forward_epilogue(&inner, Some(&residual), self.after, mode);
        }
        let sum = (drop_path.forward(&last.forward(&inner, mode)?, mode)? + residual)?;
        Ok(self.after.forward(&sum)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::Init;
    use crate::layers::ConvConfig;
    use crate::params::Params;
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
        Input,
        Projection,
        Map,
    }

    /// Result, gradients by name (the input's as `x`) and running statistics after one step.
    fn step(form: Form, inside: Activation, around: Around) -> Result<Vec<(String, Vec<f64>)>> {
        let params = Params::trainable(None, 3, DType::F64, &Device::Cpu);
        let layer = |name: &str, config, activation| {
            ConvNorm::new(config, Init::Normal { std: 0.4 }, Default::default(), activation, &params.pp(name))
        };
        let ends = if around == Around::Nothing { inside } else { Activation::Identity };
        let output = if around == Around::Projection { 4 } else { 3 };
        let layers = [
            layer("a", ConvConfig::new(3, 6, 1), inside)?,
            layer("b", ConvConfig::depthwise(6, 3), inside)?,
            layer("c", ConvConfig::new(6, output, 1).with_bias(), ends)?,
        ];
        let aside = match around {
            Around::Projection => Some(layer("d", ConvConfig::new(3, 4, 1), Activation::Identity)?),
            _ => None,
        };
        let values = Init::Normal { std: 1.0 }.values("x", 1, 4 * 3 * 35);
        let x = Var::from_tensor(&Tensor::from_vec(values, (4, 3, 5, 7), &Device::Cpu)?)?;
        let mode = Mode::train(5).recomputing(form == Form::Recomputed);
        let (drop_path, map) = (DropPath { rate: 0.4 }, x.as_tensor().sin()?);
        let before = if inside == Activation::Gelu { Activation::Gelu } else { Activation::Identity };
        let [a, b, c] = layers.each_ref();
        let chain = Chain::new(a).then(b).then(c).before(before);
        let chain = match around {
            Around::Nothing => chain,
            Around::Input | Around::Projection => chain.residual(aside.as_ref(), drop_path).after(inside),
            Around::Map => chain.plus(&map, drop_path).after(inside),
        };
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
            for around in [Around::Nothing, Around::Input, Around::Projection, Around::Map] {
                let parts = step(Form::Layers, inside, around)?;
                let whole = step(Form::Chain, inside, around)?;
                assert_eq!(parts.len(), 2 + 3 * 5 + 1 + if around == Around::Projection { 5 } else { 0 });
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

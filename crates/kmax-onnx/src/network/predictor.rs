//! The class and mask predictor: `kmax_heads::Predictor` as operators.

use crate::error::Result;
use crate::graph::{Extent, Graph, Map, Value};
use crate::layers::{Folded, batch_norm, conv_norm, l2_normalize, sequence};
use kmax_heads::{PredictorConfig, towards_void};
use kmax_nn::{Activation, ConvConfig, Params};

/// PyTorch's and TensorFlow's guard against a division by zero.
const EPS: f64 = 1e-12;

/// Mask logits `[b, queries, h, w]` of `pixels`, for the queries' embeddings `[b, query, queries]`.
pub fn masks(
    g: &mut Graph,
    config: &PredictorConfig,
    pixels: &Map,
    embedding: &Value,
    queries: usize,
    params: &Params,
) -> Result<Map> {
    let PredictorConfig { pixel, query, hidden, embedding: length, norm, .. } = *config;
    let below = params.pp("pixel");
    let (gelu, linear) = (Activation::Gelu, Activation::Identity);
    let x = conv_norm(g, pixels, ConvConfig::depthwise(pixel, 5), norm, gelu, &below.pp("depthwise"))?;
    let x = conv_norm(g, &x, ConvConfig::new(pixel, hidden, 1), norm, gelu, &below.pp("conv1"))?;
    let last = ConvConfig::new(hidden, length, 1).with_bias();
    let x = conv_norm(g, &x, last, norm, linear, &below.pp("conv2"))?;
    let feature = l2_normalize(g, &x.value, EPS, &params.path("pixel_feature"));
    let feature =
        g.reshape(&feature, &[Extent::Same, Extent::Same, Extent::Rest], &params.path("pixel_feature.flat"));

    // The norm with a single channel scales the kernels; what it adds stays.
    let (scale, offset) = batch_norm(1, norm, &params.pp("mask_norm"))?;
    let below = params.pp("mask");
    let kernel = Folded::read(&[length, query, 1], false, &below)?.normed(norm, &below)?;
    let kernel = kernel.then(&vec![scale[0]; length], &vec![0.0; length]);
    let kernels = sequence(g, embedding, &kernel, linear, &below)?;
    let kernels = g.transpose(&kernels, &[0, 2, 1], &below.path("kernels"));
    let products = g.binary("MatMul", &kernels, &feature, &params.path("mask_products"));
    let offset = g.number(&products, offset[0]);
    let flat = g.binary("Add", &products, &offset, &params.path("mask_logits.flat"));
    let shape = [Extent::Same, Extent::Same, Extent::Like(x.size[0]), Extent::Like(x.size[1])];
    let value = g.reshape(&flat, &shape, &params.path("mask_logits"));
    Ok(g.map(value, queries, x.size))
}

/// Class logits `[b, queries, classes + 1]`, void last, of the queries' embeddings.
pub fn classes(g: &mut Graph, config: &PredictorConfig, embedding: &Value, params: &Params) -> Result<Value> {
    let below = params.pp("class");
    let classes = config.classes;
    let mut folded = Folded::read(&[classes + 1, config.query, 1], true, &below)?;
    folded.bias[classes] += towards_void(classes);
    let logits = sequence(g, embedding, &folded, Activation::Identity, &below)?;
    Ok(g.transpose(&logits, &[0, 2, 1], &params.path("class_logits")))
}

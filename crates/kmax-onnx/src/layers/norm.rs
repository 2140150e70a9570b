//! Norms over channels that cannot be folded.

use crate::error::Result;
use crate::graph::{Attribute, Element, Graph, Value};
use crate::layers::folded::parameter;
use kmax_nn::{Init, Params, Role};

/// The names of the axes turn so that channels come last.
pub const CHANNELS_LAST: [i64; 4] = [0, 2, 3, 1];
/// And back.
pub const CHANNELS_FIRST: [i64; 4] = [0, 3, 1, 2];

/// Layer norm over the last axis of `x`.
pub fn layer_norm_last(
    g: &mut Graph,
    x: &Value,
    channels: usize,
    eps: f64,
    params: &Params,
) -> Result<Value> {
    let mut read = |name: &str| -> Result<Value> {
        let tensor = params.get(name, &[channels], Init::ZEROS, Role::Norm)?;
        let values = tensor.to_dtype(candle_core::DType::F64)?.to_vec1::<f64>()?;
        parameter(g, &params.path(name), &[channels], &values)
    };
    let (gain, shift) = (read("weight")?, read("bias")?);
    let settings = vec![("axis", Attribute::Int(-1)), ("epsilon", Attribute::Float(eps as f32))];
    Ok(g.node("LayerNormalization", &[x, &gain, &shift], settings, x.element, &params.path("output")))
}

/// Layer norm over the channels of a map `[b, c, h, w]`.
pub fn layer_norm(g: &mut Graph, x: &Value, channels: usize, eps: f64, params: &Params) -> Result<Value> {
    let last = g.transpose(x, &CHANNELS_LAST, &params.path("channels_last"));
    let normed = layer_norm_last(g, &last, channels, eps, params)?;
    Ok(g.transpose(&normed, &CHANNELS_FIRST, &params.path("channels_first")))
}

/// `x / max(|x|, eps)` with the Euclidean norm over axis 1, in single precision whatever the network's is: squares of
/// small numbers vanish in half precision.
pub fn l2_normalize(g: &mut Graph, x: &Value, eps: f64, name: &str) -> Value {
    let wide = g.cast(x, Element::F32, &format!("{name}.wide"));
    let length = g.reduce("ReduceL2", &wide, 1, true, &format!("{name}.length"));
    let eps = g.number(&length, eps);
    let length = g.binary("Max", &length, &eps, &format!("{name}.divisor"));
    let unit = g.binary("Div", &wide, &length, &format!("{name}.unit"));
    g.cast(&unit, x.element, name)
}

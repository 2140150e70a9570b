//! Activations.

use crate::graph::{Graph, Value};
use kmax_nn::Activation;

/// The first version of the operators that has GELU as one.
const GELU_OPSET: u32 = 20;

/// `activation` of `x`.
pub fn activate(g: &mut Graph, activation: Activation, x: &Value, name: &str) -> Value {
    match activation {
        Activation::Identity => x.clone(),
        Activation::Relu => g.unary("Relu", x, &format!("{name}.relu")),
        Activation::Relu6 => {
            let (least, most) = (g.number(x, 0.0), g.number(x, 6.0));
            g.node("Clip", &[x, &least, &most], Vec::new(), x.element, &format!("{name}.relu6"))
        }
        Activation::Gelu if g.opset() >= GELU_OPSET => g.unary("Gelu", x, &format!("{name}.gelu")),
        Activation::Gelu => {
            // In the order by which engines know it for a GELU: x / sqrt 2, erf, + 1, times x, times 1/2.
            let hint = |part: &str| format!("{name}.gelu.{part}");
            let (root, one, half) =
                (g.number(x, std::f64::consts::SQRT_2), g.number(x, 1.0), g.number(x, 0.5));
            let scaled = g.binary("Div", x, &root, &hint("scaled"));
            let erf = g.unary("Erf", &scaled, &hint("erf"));
            let sum = g.binary("Add", &erf, &one, &hint("sum"));
            let product = g.binary("Mul", x, &sum, &hint("product"));
            g.binary("Mul", &product, &half, &format!("{name}.gelu"))
        }
    }
}

//! Convolutions at the shapes of the models.

use crate::{Operation, random};
use candle_core::{DType, Device};
use kmax_kernels::{ConvParams, Epilogue, Factors, Prepared, conv2d_epilogue};
use kmax_nn::layers::ChannelMlpConfig;
use kmax_nn::{Activation, ChannelMlp, DropPath, Init, Mode, Params, Result};
use std::collections::HashMap;

/// Input and output channels, side of the input, kernel, stride, whether depthwise.
type Row = (usize, usize, usize, usize, usize, bool);

/// ResNet-50's network on an image of 641 x 641.
const RESNET50: &[Row] = &[
    (3, 64, 641, 7, 2, false),
    (64, 64, 161, 3, 1, false),
    (64, 256, 161, 1, 1, false),
    (256, 64, 161, 1, 1, false),
    (256, 128, 161, 1, 1, false),
    (256, 256, 161, 1, 1, false),
    (128, 128, 161, 3, 2, false),
    (256, 512, 161, 1, 2, false),
    (128, 128, 81, 3, 1, false),
    (128, 512, 81, 1, 1, false),
    (512, 128, 81, 1, 1, false),
    (256, 256, 81, 1, 1, false),
    (512, 256, 81, 1, 1, false),
    (256, 256, 81, 3, 2, false),
    (512, 1024, 81, 1, 2, false),
    (256, 256, 41, 3, 1, false),
    (256, 1024, 41, 1, 1, false),
    (1024, 256, 41, 1, 1, false),
    (512, 1024, 41, 1, 1, false),
    (1024, 512, 41, 1, 1, false),
    (512, 512, 41, 3, 2, false),
    (1024, 2048, 41, 1, 2, false),
    (512, 512, 21, 3, 1, false),
    (512, 2048, 21, 1, 1, false),
    (2048, 512, 21, 1, 1, false),
    (1024, 2048, 21, 1, 1, false),
    (256, 256, 161, 5, 1, true),
    (256, 256, 81, 5, 1, true),
    (256, 256, 41, 5, 1, true),
];

/// The same at 1281, ConvNeXt at 641 and EfficientNet-Lite0 at 385: what is unlike the above.
const OTHERS: &[Row] = &[
    (3, 64, 1281, 7, 2, false),
    (64, 64, 321, 3, 1, false),
    (64, 256, 321, 1, 1, false),
    (256, 64, 321, 1, 1, false),
    (256, 512, 321, 1, 2, false),
    (3, 96, 641, 4, 4, false),
    (96, 192, 161, 2, 2, false),
    (96, 96, 161, 7, 1, true),
    (384, 384, 41, 7, 1, true),
    (1536, 1536, 41, 7, 1, true),
    (3, 32, 385, 3, 2, false),
    (96, 96, 193, 3, 2, true),
    (672, 672, 25, 5, 1, true),
];

/// Those of training; at a batch of four.
const TRAINING: &[Row] = &[
    (3, 32, 193, 3, 2, false),
    (96, 24, 97, 1, 1, false),
    (64, 64, 97, 3, 1, false),
    (192, 1152, 13, 1, 1, false),
    (256, 256, 25, 3, 1, false),
    (96, 96, 97, 3, 2, true),
    (256, 256, 25, 5, 1, true),
];

/// Those of ResNet-50's network at 641, with bias and ReLU, kernels laid out before as in a loaded model.
pub fn resnet50() -> impl Iterator<Item = Result<Operation>> {
    RESNET50.iter().map(|row| operation(*row, 1, true))
}

/// Some of the other models, in the same way.
pub fn others() -> impl Iterator<Item = Result<Operation>> {
    OTHERS.iter().map(|row| operation(*row, 1, true))
}

/// The branches over channels of ConvNeXt-T's blocks at 641, as they run in a loaded model.
pub fn convnext_branches() -> impl Iterator<Item = Result<Operation>> {
    [(96, 161), (192, 81), (384, 41), (768, 21)].into_iter().map(|(dim, side)| {
        let config = ChannelMlpConfig {
            channels: dim,
            hidden: 4 * dim,
            eps: 1e-6,
            layer_scale: 1e-6,
            drop_path: DropPath::default(),
            init: Init::TruncatedNormal { std: 0.02 },
        };
        let build = |params: &Params| ChannelMlp::new(config, params);
        let open = Params::trainable(None, 1, DType::F32, &Device::Cpu);
        build(&open)?;
        let values: HashMap<_, _> =
            open.parameters().into_iter().map(|p| (p.name, p.var.as_tensor().detach())).collect();
        let mlp = build(&Params::frozen(values, DType::F32, &Device::Cpu))?;
        let map = [1, dim, side, side];
        let inputs = vec![random(&map)?, random(&map)?];
        let name = format!("norm, 1x1, gelu, 1x1 {dim}-{}-{dim} @{side}", 4 * dim);
        let operation = Operation::new(name, inputs, move |v| mlp.forward(&v[0], &v[1], &Mode::eval()));
        Ok(operation.flops((16 * dim * dim * side * side) as f64))
    })
}

/// Some of the built-in model in training, alone.
pub fn training() -> impl Iterator<Item = Result<Operation>> {
    TRAINING.iter().map(|row| operation(*row, 4, false))
}

fn operation(row: Row, batch: usize, loaded: bool) -> Result<Operation> {
    let (input, output, side, k, stride, depthwise) = row;
    let groups = if depthwise { input } else { 1 };
    // Even kernels cut a map into patches.
    let padding = if k % 2 == 1 { k / 2 } else { 0 };
    let out = (side + 2 * padding - k) / stride + 1;
    let kernel = [output, input / groups, k, k];
    let flops = 2.0 * (batch * out * out) as f64 * kernel.iter().product::<usize>() as f64;
    let name = format!(
        "{}{k}x{k}{} {input}-{output} @{side}{}",
        if depthwise { "depthwise " } else { "" },
        if stride > 1 { format!(" stride {stride}") } else { String::new() },
        if batch > 1 { format!(" x{batch}") } else { String::new() },
    );
    let mut inputs = vec![random(&[batch, input, side, side])?, random(&kernel)?];
    if loaded {
        inputs.push(random(&[output])?);
    }
    let params = ConvParams { stride, padding: (padding, padding), dilation: 1, groups };
    let prepared = if loaded { Prepared::new(&inputs[1], params, Factors::Exact)? } else { None };
    let operation = Operation::new(name, inputs, move |v| {
        let activation = if loaded { Activation::Relu } else { Activation::Identity };
        let epilogue = Epilogue { bias: v.get(2), residual: None, activation };
        match &prepared {
            Some(kernel) => kernel.conv2d_epilogue(&v[0], epilogue),
            None => conv2d_epilogue(&v[0], &v[1], params, epilogue),
        }
    });
    Ok(operation.flops(flops))
}

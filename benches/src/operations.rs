//! Operations other than convolutions, at the shapes of the models.

use crate::{Operation, random};
use candle_core::{DType, Device, Tensor};
use kmax_kernels::{self as kernels, Alignment};
use kmax_nn::layers::{AxialAttention2d, AxialConfig};
use kmax_nn::{Activation, BatchNormConfig, Mode, Params, Result};
use std::collections::HashMap;

/// Makes an operation when its turn comes, so that the inputs of one at a time take memory.
type Make = fn() -> Result<Operation>;

fn each(makes: &'static [Make]) -> impl Iterator<Item = Result<Operation>> {
    makes.iter().map(|make| make())
}

/// Those of one map.
fn of_map(name: &str, shape: &[usize], run: fn(&Tensor) -> kernels::Result<Tensor>) -> Result<Operation> {
    Ok(Operation::new(name, vec![random(shape)?], move |v| run(&v[0])))
}

/// Norms and activations.
pub fn norms() -> impl Iterator<Item = Result<Operation>> {
    each(&[
        || layer_norm("layer norm 256 @161", 256, 161),
        || layer_norm("layer norm 96 @161", 96, 161),
        || layer_norm("layer norm 2048 @41", 2048, 41),
        || of_map("l2 normalise 128 @161", &[1, 128, 161, 161], |x| kernels::l2_normalize(x, 1, 1e-12)),
        || {
            let inputs = vec![random(&[4, 64, 97, 97])?, random(&[64])?, random(&[64])?];
            Ok(Operation::new("batch norm of training 64 @97 x4", inputs, |v| {
                let step = kernels::NormStep::new(1e-3, Activation::Relu6);
                kernels::batch_norm_train(&v[0], &v[1], &v[2], &step).map(|norm| norm.output)
            }))
        },
        || of_map("gelu 512 @81", &[1, 512, 81, 81], kernels::gelu),
        || of_map("relu 256 @161", &[1, 256, 161, 161], kernels::relu),
        || of_map("relu6 96 @193 x4", &[4, 96, 193, 193], kernels::relu6),
    ])
}

fn layer_norm(name: &str, channels: usize, side: usize) -> Result<Operation> {
    let inputs = vec![random(&[1, channels, side, side])?, random(&[channels])?, random(&[channels])?];
    Ok(Operation::new(name, inputs, |v| kernels::layer_norm(&v[0], 1, &v[1], &v[2], 1e-6)))
}

/// Axial attention and the k-means step.
pub fn attention() -> impl Iterator<Item = Result<Operation>> {
    each(&[
        || axial("axial attention 1024 @21", 512, 21),
        || axial("axial attention 512 @41", 256, 41),
        || axial("axial attention 512 @81", 256, 81),
        || of_map("nearest center 128 @41", &[1, 128, 1681], kernels::nearest_center),
        || of_map("nearest center 128 @81", &[1, 128, 6561], kernels::nearest_center),
        || center_sums("center sums 256 @41", 41),
        || center_sums("center sums 256 @81", 81),
        || of_map("softmax 128 x 6561 by column", &[1, 128, 6561], |x| kernels::softmax(x, 1)),
        || of_map("softmax 128 x 6561 by row", &[1, 128, 6561], |x| kernels::softmax(x, 2)),
    ])
}

/// Over columns and rows, with the 1x1 convolutions in front, as the pixel decoder has it.
fn axial(name: &str, filters: usize, side: usize) -> Result<Operation> {
    let config = AxialConfig::new(2 * filters, filters, BatchNormConfig::default());
    let open = Params::trainable(None, 1, DType::F32, &Device::Cpu);
    AxialAttention2d::new(config, 1, &open)?;
    let values: HashMap<_, _> =
        open.parameters().into_iter().map(|p| (p.name, p.var.as_tensor().detach())).collect();
    let attention = AxialAttention2d::new(config, 1, &Params::frozen(values, DType::F32, &Device::Cpu))?;
    let input = random(&[1, 2 * filters, side, side])?;
    // Queries, keys and values of both axes; similarities and what is retrieved, by content and by position.
    let convolutions = 2 * 2 * filters * 4 * filters * side * side;
    let attended = 2 * side * side * side * (3 * filters + 2 * 2 * filters);
    let operation = Operation::new(name, vec![input], move |v| attention.forward(&v[0], &Mode::eval()));
    Ok(operation.flops(2.0 * (convolutions + attended) as f64))
}

fn center_sums(name: &str, side: usize) -> Result<Operation> {
    let pixels = side * side;
    let nearest = kernels::nearest_center(&random(&[1, 128, pixels])?)?;
    let values = random(&[1, 256, pixels])?;
    Ok(Operation::new(name, vec![values], move |v| kernels::center_sums(&v[0], &nearest, 128)))
}

/// Pooling, resizing, softmax over the channels of a map.
pub fn maps() -> impl Iterator<Item = Result<Operation>> {
    each(&[
        || of_map("max pool 64 @321", &[1, 64, 321, 321], |x| kernels::max_pool2d(x, 3, 2, 1)),
        || of_map("max pool 64 @641", &[1, 64, 641, 641], |x| kernels::max_pool2d(x, 3, 2, 1)),
        || of_map("resize 128 @41-81", &[1, 128, 41, 41], |x| resize(x, 81)),
        || of_map("resize 256 @81-161", &[1, 256, 81, 81], |x| resize(x, 161)),
        || of_map("resize 64 @49-97 x4", &[4, 64, 49, 49], |x| resize(x, 97)),
        || of_map("softmax 128 @161 over channels", &[1, 128, 161, 161], |x| kernels::softmax(x, 1)),
    ])
}

fn resize(x: &Tensor, side: usize) -> kernels::Result<Tensor> {
    kernels::resize_bilinear(x, side, side, Alignment::Corners)
}

//! Convolutions on GPUs: depthwise ones by kernels of their own, dense ones as a product with their patches.

use super::Epilogue;
use super::geometry::Geometry;
use crate::activation::{Activation, Pass};
use crate::error::{Error, Result};
use crate::gpu::{Launch, Module, attached, attached_to, one_launched};
use crate::profile;
use candle_core::Tensor;

/// Outputs of a block of the tiled kernels, `TILE_HEIGHT` and `TILE_WIDTH` of their text.
const TILE: (usize, usize) = (8, 32);
/// The largest stride of those.
const LARGEST_STRIDE: usize = 2;
/// Elements of patches that are laid out at once, of as many images as fit: 512 MB of float32.
const PATCHES: usize = 1 << 27;

/// The numbers that all kernels with a moving window take.
fn window(g: &Geometry) -> [usize; 7] {
    let (above, before) = g.params.padding;
    [g.size.0, g.size.1, g.out.0, g.out.1, g.params.stride, above, before]
}

/// The convolution and what follows it, without gradient.
pub(super) fn conv2d(x: &Tensor, w: &Tensor, g: &Geometry, epilogue: Epilogue) -> Result<Tensor> {
    let (x, w) = (x.contiguous()?, w.contiguous()?);
    let Epilogue { bias, residual, activation } = epilogue;
    if g.is_depthwise() {
        let first = if residual.is_some() { Activation::Identity } else { activation };
        let bias = bias.map(Tensor::contiguous).transpose()?;
        let y = one_launched(
            &depthwise(g, bias.is_some(), first),
            &[&x, &w, bias.as_ref().unwrap_or(&w)],
            g.out_shape(),
        )?;
        let activation = if residual.is_some() { activation } else { Activation::Identity };
        return Pass { residual, activation, ..Pass::default() }.run(&y);
    }
    let y = if g.params.groups == 1 { dense(&x, &w, g)? } else { super::group_by_group(&x, &w, g)? };
    Pass { bias, residual, activation, scale: None }.run(&y)
}

/// A depthwise convolution with its gradients.
pub(super) fn depthwise_conv2d(x: &Tensor, w: &Tensor, g: Geometry) -> Result<Tensor> {
    let (x, w) = (x.contiguous()?, w.contiguous()?);
    let forward = depthwise(&g, false, Activation::Identity);
    attached(&forward, &[&x, &w, &w], g.out_shape(), (&x, &w), move |x, w, grad| {
        let module = Module::DepthwiseGradients;
        let numbers = [g.input, g.kernel.0, g.kernel.1];
        let of_x = Launch::of_threads(module, "depthwise_input_gradient", x.elem_count())
            .ints(window(&g))
            .ints(numbers)
            .ints([g.batch * g.input]);
        let of_w = Launch::of_blocks(module, "depthwise_kernel_gradient", w.elem_count())
            .ints(window(&g))
            .ints(numbers)
            .ints([g.batch]);
        let asked = |of: &Tensor, launch: &Launch, inputs: &[&Tensor]| {
            of.track_op().then(|| one_launched(launch, inputs, of.shape())).transpose()
        };
        Ok((asked(x, &of_x, &[grad, w])?, asked(w, &of_w, &[x, grad])?))
    })
}

fn depthwise(g: &Geometry, has_bias: bool, activation: Activation) -> Launch {
    let tiled = match g.kernel {
        _ if g.params.stride > LARGEST_STRIDE => None,
        (3, 3) => Some("depthwise3"),
        (5, 5) => Some("depthwise5"),
        (7, 7) => Some("depthwise7"),
        _ => None,
    };
    let maps = g.batch * g.input;
    let numbers = [g.input, usize::from(has_bias), activation.number()];
    match tiled {
        Some(kernel) => {
            let tiles = g.out.0.div_ceil(TILE.0) * g.out.1.div_ceil(TILE.1);
            Launch::of_blocks(Module::Depthwise, kernel, maps * tiles).ints(window(g)).ints(numbers)
        }
        None => Launch::of_threads(Module::Depthwise, "depthwise", maps * g.out_area())
            .ints(window(g))
            .ints(numbers)
            .ints([g.kernel.0, g.kernel.1, maps]),
    }
}

/// A dense convolution with its gradients, for which the patches are laid out once more: kept, they would take nine times the
/// memory of a map.
pub(super) fn dense_conv2d(x: &Tensor, w: &Tensor, g: Geometry) -> Result<Tensor> {
    let (x, w) = (x.contiguous()?, w.contiguous()?);
    let y = dense(&x.detach(), &w.detach(), &g)?;
    attached_to(&y, (&x, &w), move |x, w, grad| {
        let matrix = w.detach().reshape((g.output, g.input * g.taps()))?;
        let of_x = x.track_op().then(|| dense_input_gradient(&matrix, grad, &g)).transpose()?;
        let of_w = w.track_op().then(|| dense_kernel_gradient(&x.detach(), grad, &g)).transpose()?;
        Ok((of_x, of_w))
    })
}

/// Of the kernel as a matrix `[o, c k k]`.
fn dense_input_gradient(matrix: &Tensor, grad: &Tensor, g: &Geometry) -> Result<Tensor> {
    let transposed = matrix.t()?.contiguous()?;
    let mut parts = Vec::new();
    for (first, part) in groups(g) {
        let grad = grad.narrow(0, first, part.batch)?.reshape((part.batch, g.output, g.out_area()))?;
        let patches = product(&transposed, &grad)?;
        parts.push(if is_plain(g) {
            patches.reshape(part.in_shape())?
        } else {
            let launch = patches_launch("columns_gradient", part.in_shape().elem_count(), &part);
            one_launched(&launch, &[&patches], part.in_shape())?
        });
    }
    joined(&parts)
}

fn dense_kernel_gradient(x: &Tensor, grad: &Tensor, g: &Geometry) -> Result<Tensor> {
    let mut sum: Option<Tensor> = None;
    for (first, part) in groups(g) {
        let grad = grad.narrow(0, first, part.batch)?.reshape((part.batch, g.output, g.out_area()))?;
        let columns = patches(&x.narrow(0, first, part.batch)?, &part)?;
        let of_part = grad.matmul(&columns.transpose(1, 2)?)?.sum(0)?;
        sum = Some(match sum {
            Some(sum) => (sum + of_part)?,
            None => of_part,
        });
    }
    let sum = sum.ok_or_else(|| Error::Argument("conv2d: a batch of no images".into()))?;
    Ok(sum.reshape(g.kernel_shape())?)
}

/// A convolution of one group as a product of the kernel `[o, c k k]` with each image's patches `[c k k, h w]`.
fn dense(x: &Tensor, w: &Tensor, g: &Geometry) -> Result<Tensor> {
    let w = w.reshape((g.output, g.input * g.taps()))?;
    let mut parts = Vec::new();
    for (first, part) in groups(g) {
        let columns = patches(&x.narrow(0, first, part.batch)?, &part)?;
        parts.push(product(&w, &columns)?.reshape(part.out_shape())?);
    }
    joined(&parts)
}

/// The images in groups whose patches are laid out together: the first of each, and the geometry of the group.
fn groups(g: &Geometry) -> impl Iterator<Item = (usize, Geometry)> + use<> {
    let each = if is_plain(g) { 0 } else { g.input * g.taps() * g.out_area() };
    let (g, together) = (*g, (PATCHES / each.max(1)).clamp(1, g.batch.max(1)));
    (0..g.batch)
        .step_by(together)
        .map(move |first| (first, Geometry { batch: together.min(g.batch - first), ..g }))
}

fn joined(parts: &[Tensor]) -> Result<Tensor> {
    Ok(match parts {
        [one] => one.clone(),
        parts => Tensor::cat(parts, 0)?,
    })
}

/// Whether the patches are the map itself.
fn is_plain(g: &Geometry) -> bool {
    g.taps() == 1 && g.params.stride == 1 && g.params.padding == (0, 0)
}

/// `[b, c k k, h w]`.
fn patches(x: &Tensor, g: &Geometry) -> Result<Tensor> {
    if is_plain(g) {
        return Ok(x.reshape((g.batch, g.input, g.in_area()))?);
    }
    let shape = (g.batch, g.input * g.taps(), g.out_area());
    one_launched(&patches_launch("columns", shape.0 * shape.1 * shape.2, g), &[&x.contiguous()?], shape)
}

fn patches_launch(kernel: &'static str, threads: usize, g: &Geometry) -> Launch {
    Launch::of_threads(Module::Columns, kernel, threads).ints(window(g)).ints([
        g.kernel.0,
        g.kernel.1,
        g.params.dilation,
        g.batch * g.input,
    ])
}

/// A matrix `[m, k]` times each `[k, n]` of `columns` `[b, k, n]`: `[b, m, n]`.
fn product(matrix: &Tensor, columns: &Tensor) -> Result<Tensor> {
    let batch = columns.dim(0)?;
    if batch == 1 {
        return Ok(profile::matmul(matrix, &columns.squeeze(0)?)?.unsqueeze(0)?);
    }
    let matrix = matrix.broadcast_left(batch)?;
    // cuBLAS takes one matrix for all images as it lies; on the processor, Candle would not.
    let matrix = if matrix.device().is_cuda() { matrix } else { matrix.contiguous()? };
    profile::matmul(&matrix, columns)
}

//! Weights stored in 8 bits: a quarter of their size in float32.
//!
//! A tensor of integers from -127 to 127 stands beside another, `NAME.scale`, with a float32 for each output channel (axis 0): values are
//! `integer * scale`. These are the integers that the processor multiplies in [`Precision::Int8`](crate::Precision::Int8), whose scales
//! are a channel's largest weight over 127 as well, so that such a model computes there as the one that it was made from.

use super::weights::Weights;
use super::write;
use super::{Model, WEIGHTS_FILE};
use crate::error::{Error, Result};
use candle_core::DType;
use kmax_base::ErrorKind;
use kmax_nn::TensorSource;
use rayon::prelude::*;
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;

/// Ends the name of a tensor's scales.
pub(super) const SCALE: &str = ".scale";
/// The largest integer.
const LARGEST: f32 = 127.0;
/// Tensors with fewer values for each output channel would hardly become smaller: depthwise kernels, norms, biases.
const LEAST: usize = 16;

/// A model of which weights were rounded.
#[derive(Debug, Clone)]
pub struct Rounded {
    /// The model.
    pub model: Model,
    /// Names of the tensors that are integers now.
    pub tensors: Vec<String>,
    /// Bytes of all weights before.
    pub before: u64,
    /// Bytes of all weights now.
    pub bytes: u64,
}

impl Model {
    /// The same with kernels and matrices stored as integers of 8 bits with a scale for each output channel; all else, and tensors whose
    /// names begin with one of `kept`, as they were. A quarter of the size of float32, half of float16's. It computes in every precision; in
    /// [`Precision::Int8`](crate::Precision::Int8) as the model that it was made from, but for 3x3 convolutions with stride 1, whose
    /// weights only this one rounds.
    ///
    /// # Errors
    /// [`Error::Argument`] if no name begins so, or if weights are rounded already.
    pub fn rounded(&self, kept: &[String]) -> Result<Rounded> {
        let weights = &self.weights;
        if weights.are_rounded() {
            return Err(Error::Argument("the weights are integers of 8 bits already".into()));
        }
        for kept in kept {
            if !weights.stored().any(|(name, ..)| name.starts_with(kept.as_str())) {
                let first = |name: &str| name.split_inclusive('.').next().unwrap_or_default().to_string();
                let firsts: BTreeSet<_> = weights.stored().map(|(name, ..)| first(name)).collect();
                let firsts = firsts.into_iter().collect::<Vec<_>>().join(", ");
                return Err(Error::Argument(format!(
                    "no weights have a name that begins with `{kept}`; names begin with {firsts}"
                )));
            }
        }
        let is_kept = |name: &str| kept.iter().any(|kept| name.starts_with(kept.as_str()));
        let (mut stored, mut tensors, mut before) = (Vec::new(), Vec::new(), 0);
        for (name, dtype, shape, bytes) in weights.stored() {
            before += bytes.len() as u64;
            if is_kept(name) || !is_worth(name, shape) {
                stored.push((name.to_string(), dtype, shape.to_vec(), Cow::Borrowed(bytes)));
                continue;
            }
            let Some(tensor) = weights.tensor(name)? else { continue };
            let floats = tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
            let (integers, scales) = rounded(&floats, shape[0]);
            let scales: Vec<u8> = scales.into_iter().flat_map(f32::to_le_bytes).collect();
            stored.push((name.to_string(), Dtype::I8, shape.to_vec(), Cow::Owned(integers)));
            stored.push((format!("{name}{SCALE}"), Dtype::F32, vec![shape[0]], Cow::Owned(scales)));
            tensors.push(name.to_string());
        }
        let bytes = stored.iter().map(|(.., bytes)| bytes.len() as u64).sum();
        let file = Path::new(WEIGHTS_FILE);
        let fail = |e: safetensors::SafeTensorError| Error::file(file, ErrorKind::CannotWrite, e.to_string());
        let views = stored.iter().map(|(name, dtype, shape, data)| {
            TensorView::new(*dtype, shape.clone(), data).map(|view| (name.as_str(), view))
        });
        let views = views.collect::<std::result::Result<Vec<_>, _>>().map_err(fail)?;
        let data = safetensors::serialize(views, write::metadata()).map_err(fail)?;
        let model = Self { weights: Weights::from_bytes(file, data)?, ..self.clone() };
        Ok(Rounded { model, tensors, before, bytes })
    }
}

/// Whether a tensor is worth it: a kernel or a matrix. Tables of positions and the queries are what maps are compared with, and stay as
/// they are.
pub(super) fn is_worth(name: &str, shape: &[usize]) -> bool {
    let is_compared = name.ends_with("queries") || name.ends_with("_position");
    shape.len() >= 2 && shape[1] > 1 && shape[1..].iter().product::<usize>() >= LEAST && !is_compared
}

/// Whether what a scale makes of integers is a number.
pub(super) fn is_possible(scale: f32) -> bool {
    scale.abs() <= f32::MAX / 128.0
}

/// Integers and scales of finite values in `rows` output channels.
pub(super) fn rounded(values: &[f32], rows: usize) -> (Vec<u8>, Vec<f32>) {
    let length = (values.len() / rows.max(1)).max(1);
    let scale = |row: &[f32]| row.iter().fold(0f32, |most, value| most.max(value.abs())) / LARGEST;
    let scales: Vec<f32> = values.par_chunks(length).map(scale).collect();
    let integer = |(at, value): (usize, &f32)| {
        let scale = scales[at / length];
        let steps = if scale > 0.0 { value / scale } else { 0.0 };
        steps.round_ties_even().clamp(-LARGEST, LARGEST) as i8 as u8
    };
    (values.par_iter().enumerate().map(|(at, value)| integer((at, value))).collect(), scales)
}

/// The values of `integers`, as many for each of `scales`.
pub(super) fn values(integers: &[u8], scales: &[f32]) -> Vec<f32> {
    let length = (integers.len() / scales.len().max(1)).max(1);
    let row = |(row, scale): (&[u8], &f32)| {
        row.iter().map(|byte| f32::from(*byte as i8) * scale).collect::<Vec<_>>()
    };
    integers.par_chunks(length).zip(scales).flat_map_iter(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_half_a_step_apart_at_most_and_round_again_to_the_same() {
        let row = |scale: f32| (0..40).map(move |i| scale * (i as f32 * 0.7).sin());
        let first: Vec<f32> = row(3.0).chain(row(0.01)).chain([0.0; 40]).collect();
        let (integers, scales) = rounded(&first, 3);
        assert_eq!((integers.len(), scales.len(), scales[2]), (120, 3, 0.0));
        let found = values(&integers, &scales);
        for (at, (found, expected)) in found.iter().zip(&first).enumerate() {
            assert!((found - expected).abs() <= 0.501 * scales[at / 40], "{at}: {found}, {expected}");
        }
        assert_eq!(rounded(&found, 3).0, integers);
    }

    #[test]
    fn nothing_is_rounded_that_is_compared_or_small() {
        for (name, shape, expected) in [
            ("backbone.stages.0.blocks.0.project.weight", &[64, 64, 1, 1][..], true),
            ("decoder.layers.0.predictor.class.weight", &[17, 96, 1], true),
            ("backbone.stages.0.blocks.0.depthwise.weight", &[32, 1, 3, 3], false),
            ("a.kernel.of.few.weight", &[64, 3, 1, 1], false),
            ("pixel_decoder.norm.weight", &[64], false),
            ("pixel_decoder.stages.0.0.attention.height.value_position", &[509, 16], false),
            ("decoder.queries", &[128, 32], false),
        ] {
            assert_eq!(is_worth(name, shape), expected, "{name}");
        }
    }
}

//! Weights stored in 8 bits.
//!
//! A tensor of integers from -127 to 127 stands beside another, `NAME.scale`, with a float32 for each output channel (axis 0): values are
//! `integer * scale`, and a scale is the channel's largest weight over 127. The processor's products of integers
//! ([`Precision::Int8`](crate::Precision::Int8)) round weights in the same way, after batch norms are folded, so that there only those that
//! were half a step from two integers become others.

use super::weights::Weights;
use super::{Model, WEIGHTS_FILE, write};
use crate::error::{Error, Result};
use candle_core::DType;
use kmax_nn::{TensorSource, weight_scale, weight_steps};
use rayon::prelude::*;
use safetensors::Dtype;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;

/// Ends the name of a tensor's scales.
pub(super) const SCALE: &str = ".scale";
/// Tensors with fewer values for each output channel would hardly become smaller: depthwise kernels, norms, biases.
const LEAST: usize = 16;

/// A model of which weights were quantized.
#[derive(Debug, Clone)]
pub struct Quantized {
    /// The model.
    pub model: Model,
    /// Names of the tensors that are integers now.
    pub tensors: Vec<String>,
    /// Bytes of the weights' file before.
    pub before: u64,
    /// Bytes of the weights' file now.
    pub bytes: u64,
}

/// A part of a network that [`Model::quantized`] makes smaller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuantizablePart {
    /// What the names of its tensors begin with.
    pub name: String,
    /// Bytes that its values then take less.
    pub saves: u64,
}

impl Model {
    /// The same with kernels and matrices stored as integers of 8 bits with a scale for each output channel; all else, and tensors whose
    /// names begin with one of `kept`, as they were. What is quantized takes a quarter of float32's size, half of float16's. Such a model
    /// computes in every precision; in [`Precision::Int8`](crate::Precision::Int8) the layers of what was kept multiply float32.
    ///
    /// # Errors
    /// [`Error::Argument`] if no name begins so, if nothing is left to quantize, or if weights are quantized already.
    pub fn quantized(&self, kept: &[String]) -> Result<Quantized> {
        let weights = &self.weights;
        check_open(weights)?;
        check_kept(weights, kept)?;
        let (mut stored, mut tensors) = (Vec::new(), Vec::new());
        for (name, dtype, shape, bytes) in weights.stored() {
            let floats =
                if begins(kept, name) || !is_worth(name, shape) { None } else { weights.tensor(name)? };
            let Some(floats) = floats else {
                stored.push((name.to_string(), dtype, shape.to_vec(), Cow::Borrowed(bytes)));
                continue;
            };
            let floats = floats.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
            let (integers, scales) = quantized(&floats, shape[0]);
            let scales: Vec<u8> = scales.into_iter().flat_map(f32::to_le_bytes).collect();
            stored.push((name.to_string(), Dtype::I8, shape.to_vec(), Cow::Owned(integers)));
            stored.push((format!("{name}{SCALE}"), Dtype::F32, vec![shape[0]], Cow::Owned(scales)));
            tensors.push(name.to_string());
        }
        if tensors.is_empty() {
            return Err(nothing_left());
        }
        let file = Path::new(WEIGHTS_FILE);
        let data = write::serialized(file, &stored)?;
        let (before, bytes) = (weights.bytes().len() as u64, data.len() as u64);
        let model = Self { weights: Weights::from_bytes(file, data)?, ..self.clone() };
        Ok(Quantized { model, tensors, before, bytes })
    }

    /// The network's parts that [`Self::quantized`] makes smaller where it keeps `kept`. None of their names begins another: each is what tensors'
    /// names have up to their last number (a block, a layer of a decoder), or more of it. Heads that only training has are no parts.
    ///
    /// # Errors
    /// As [`Self::quantized`].
    pub fn quantizable(&self, kept: &[String]) -> Result<Vec<QuantizablePart>> {
        check_open(&self.weights)?;
        check_kept(&self.weights, kept)?;
        let needed = self.config.network.shapes(false)?;
        let worth = |name: &str, shape: &[usize]| is_worth(name, shape) && !begins(kept, name);
        let tensors: Vec<_> =
            self.weights.stored().filter(|(name, _, shape, _)| worth(name, shape)).collect();
        if tensors.is_empty() {
            return Err(nothing_left());
        }
        let names: Vec<_> =
            tensors.iter().map(|(name, ..)| *name).filter(|name| needed.contains_key(*name)).collect();
        let part = |name: String| {
            let own = tensors.iter().filter(|(tensor, ..)| tensor.starts_with(name.as_str()));
            let saves =
                own.map(|(_, _, shape, bytes)| bytes.len().saturating_sub(quantized_bytes(shape)) as u64);
            QuantizablePart { saves: saves.sum(), name }
        };
        Ok(parts(&names).into_iter().map(part).collect())
    }
}

/// Bytes of a tensor's integers and scales.
fn quantized_bytes(shape: &[usize]) -> usize {
    shape.iter().product::<usize>() + shape.first().map_or(0, |rows| rows * size_of::<f32>())
}

fn begins(kept: &[String], name: &str) -> bool {
    kept.iter().any(|kept| name.starts_with(kept.as_str()))
}

fn nothing_left() -> Error {
    Error::Argument("nothing is left to quantize".into())
}

/// Refuses weights that are quantized.
fn check_open(weights: &Weights) -> Result<()> {
    if weights.are_quantized() {
        return Err(Error::Argument("the weights are integers of 8 bits already".into()));
    }
    Ok(())
}

/// Names of kernels and matrices that were left as they were while others became integers.
pub(super) fn left(weights: &Weights) -> Vec<String> {
    if !weights.are_quantized() {
        return Vec::new();
    }
    let left = weights.stored().filter(|(name, _, shape, _)| is_worth(name, shape));
    left.map(|(name, ..)| name.to_string()).collect()
}

/// Beginnings of these names, none of which begins another.
fn parts(names: &[&str]) -> Vec<String> {
    let first: BTreeSet<_> = names.iter().filter_map(|name| beginnings(name).next()).collect();
    let is_alone = |part: &str| !first.range(part..).any(|other| *other != part && other.starts_with(part));
    let part = |name: &&str| beginnings(name).find(|part| is_alone(part)).unwrap_or(name).to_string();
    names.iter().map(part).collect::<BTreeSet<_>>().into_iter().collect()
}

/// What a tensor's name begins with: up to the dot behind its last number, up to its last dot, all of it.
fn beginnings(name: &str) -> impl Iterator<Item = &str> {
    let is_number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
    let follows_number = |dot: &usize| name[..*dot].rsplit('.').next().is_some_and(is_number);
    let dots: Vec<_> = name.match_indices('.').map(|(at, _)| at).collect();
    let number = dots.iter().rfind(|dot| follows_number(dot)).or(dots.last());
    [number, dots.last()].map(|dot| dot.map_or(name, |dot| &name[..=*dot])).into_iter().chain([name])
}

/// Refuses a beginning of names that none has.
fn check_kept(weights: &Weights, kept: &[String]) -> Result<()> {
    let is_there = |kept: &str| weights.stored().any(|(name, ..)| name.starts_with(kept));
    let Some(wrong) = kept.iter().find(|kept| kept.is_empty() || !is_there(kept)) else { return Ok(()) };
    let first = |name: &str| name.split_inclusive('.').next().unwrap_or_default().to_string();
    let firsts: BTreeSet<_> = weights.stored().map(|(name, ..)| first(name)).collect();
    let firsts = firsts.into_iter().collect::<Vec<_>>().join(", ");
    Err(Error::Argument(format!(
        "no weights have a name that begins with `{wrong}`; names begin with {firsts}"
    )))
}

/// Whether a tensor is worth it: a kernel or a matrix. Tables of positions and the queries are what maps are compared with, and stay as
/// they are.
fn is_worth(name: &str, shape: &[usize]) -> bool {
    let is_compared = name.ends_with("queries") || name.ends_with("_position");
    shape.len() >= 2 && shape[1] > 1 && shape[1..].iter().product::<usize>() >= LEAST && !is_compared
}

/// Whether what a scale makes of integers, -127 to 127, are numbers.
pub(super) fn is_possible(scale: f32) -> bool {
    (scale * 127.0).is_finite() && scale >= 0.0
}

/// Integers and scales of finite values in `rows` output channels.
fn quantized(values: &[f32], rows: usize) -> (Vec<u8>, Vec<f32>) {
    let length = (values.len() / rows.max(1)).max(1);
    // Of the largest numbers that there are, a scale times 127 may round to infinity.
    let scale = |row: &[f32]| {
        let scale = weight_scale(row);
        if is_possible(scale) { scale } else { scale.next_down() }
    };
    let scales: Vec<f32> = values.par_chunks(length).map(scale).collect();
    let row = |(row, scale): (&[f32], &f32)| {
        row.iter().map(|value| weight_steps(*value, *scale) as u8).collect::<Vec<_>>()
    };
    (values.par_chunks(length).zip(&scales).flat_map_iter(row).collect(), scales)
}

/// The values of `integers`, as many for each of `scales`. There is no -128.
pub(super) fn values(integers: &[u8], scales: &[f32]) -> Vec<f32> {
    let length = (integers.len() / scales.len().max(1)).max(1);
    let row = |(row, scale): (&[u8], &f32)| {
        row.iter().map(|byte| f32::from((*byte as i8).max(-127)) * scale).collect::<Vec<_>>()
    };
    integers.par_chunks(length).zip(scales).flat_map_iter(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_half_a_step_apart_at_most_and_become_the_same_integers_again() {
        let row = |scale: f32| (0..40).map(move |i| scale * (i as f32 * 0.7).sin());
        let first: Vec<f32> = row(3.0).chain(row(0.01)).chain([0.0; 40]).chain(row(f32::MAX)).collect();
        let (integers, scales) = quantized(&first, 4);
        assert_eq!((integers.len(), scales.len(), scales[2]), (160, 4, 0.0));
        assert!(scales.iter().all(|scale| is_possible(*scale)));
        let found = values(&integers, &scales);
        for (at, (found, expected)) in found.iter().zip(&first).enumerate() {
            assert!((found - expected).abs() <= 0.501 * scales[at / 40], "{at}: {found}, {expected}");
        }
        assert_eq!(quantized(&found, 4).0, integers);
    }

    #[test]
    fn the_largest_numbers_stay_numbers() {
        let (integers, scales) = quantized(&[f32::MAX, -f32::MAX, 1.0, 0.0], 1);
        let found = values(&integers, &scales);
        assert!(
            found.iter().all(|value| value.is_finite()) && found[0] > 3.4e38 && found[1] < -3.4e38,
            "{found:?}"
        );
        for wrong in [f32::NAN, f32::INFINITY, f32::MAX, -1.0] {
            assert!(!is_possible(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_part_ends_with_its_last_number_unless_it_begins_another() {
        let names = [
            "backbone.stages.1.blocks.12.expand.weight",
            "backbone.stages.1.blocks.12.project.weight",
            "backbone.stages.1.downsample.conv.weight",
            "backbone.stem.weight",
            "decoder.layers.0.predictor.pixel.conv1.weight",
            "decoder.predictor.pixel.conv1.weight",
            "weight",
        ];
        let expected = [
            "backbone.stages.1.blocks.12.",
            "backbone.stages.1.downsample.conv.",
            "backbone.stem.",
            "decoder.layers.0.",
            "decoder.predictor.pixel.conv1.",
            "weight",
        ];
        assert_eq!(parts(&names), expected);
        assert_eq!(parts(&["a.0.weight", "a.0.1.weight"]), ["a.0.1.", "a.0.weight"]);
    }

    #[test]
    fn what_is_compared_or_small_stays() {
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

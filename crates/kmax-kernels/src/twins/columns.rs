//! Functions along one axis, per channel and of single elements.

use super::conv::activate;
use super::{compare, compare_gradients, drawn, list, tensor, values};
use crate::activation::Activation;
use crate::error::Result;
use crate::{
    NormStep, batch_norm_train, channel_affine, gelu, l2_normalize, layer_norm, relu, relu6, softmax,
};
use candle_core::Tensor;
use proptest::prelude::*;
use std::slice::from_ref;

/// `f` of every column of `x` along `axis`.
fn along(x: &Tensor, axis: usize, f: impl Fn(&[f64]) -> Vec<f64>) -> Result<Tensor> {
    let (dims, mut values) = (x.dims(), list(x)?);
    let (length, inner) = (dims[axis], dims[axis + 1..].iter().product::<usize>());
    for first in (0..values.len()).filter(|at| at / inner % length == 0) {
        let at = |i: usize| first + i * inner;
        let column: Vec<f64> = (0..length).map(|i| values[at(i)]).collect();
        f(&column).into_iter().enumerate().for_each(|(i, value)| values[at(i)] = value);
    }
    tensor(values, dims)
}

/// A shape of one to four axes with one of its axes; lengths beyond a block of lanes included.
fn shapes() -> impl Strategy<Value = (Vec<usize>, usize)> {
    let small = prop::collection::vec(1..=9usize, 0..=2);
    (small.clone(), 1..=90usize, small).prop_flat_map(|(mut shape, long, rest)| {
        shape.push(long);
        shape.extend(rest);
        let axes = 0..shape.len();
        (Just(shape), axes)
    })
}

#[test]
fn softmax_along_any_axis() {
    drawn(48, shapes(), |(shape, axis)| {
        let x = (values(1, &shape)? * 4.0)?;
        let expected = along(&x, axis, |column| {
            let most = column.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = column.iter().map(|v| (v - most).exp()).sum();
            column.iter().map(|v| (v - most).exp() / sum).collect()
        })?;
        compare(from_ref(&x), &expected, 2e-6, |v| softmax(&v[0], axis))?;
        compare_gradients(&[x], 1e-5, |v| softmax(&v[0], axis))
    });
}

#[test]
fn l2_along_any_axis() {
    drawn(48, shapes(), |(shape, axis)| {
        let x = values(1, &shape)?;
        let expected = along(&x, axis, |column| {
            let norm = column.iter().map(|v| v * v).sum::<f64>().sqrt();
            column.iter().map(|v| v / norm).collect()
        })?;
        compare(from_ref(&x), &expected, 2e-6, |v| l2_normalize(&v[0], axis, 1e-12))?;
        // A vector of one element does not depend on its length.
        match shape[axis] {
            1 => Ok(()),
            _ => compare_gradients(&[(x + 2.0)?], 2e-5, |v| l2_normalize(&v[0], axis, 1e-12)),
        }
    });
}

#[test]
fn layer_norm_along_any_axis() {
    drawn(48, shapes(), |(shape, axis)| {
        let (x, gain, shift) = (values(1, &shape)?, values(2, &[shape[axis]])?, values(3, &[shape[axis]])?);
        let (gains, shifts) = (list(&gain)?, list(&shift)?);
        let expected = along(&x, axis, |column| {
            let (mean, deviation) = moments(column, 1e-2);
            let value = |(i, v): (usize, &f64)| (v - mean) / deviation * gains[i] + shifts[i];
            column.iter().enumerate().map(value).collect()
        })?;
        let arguments = [x, gain, shift];
        compare(&arguments, &expected, 5e-6, |v| layer_norm(&v[0], axis, &v[1], &v[2], 1e-2))?;
        compare_gradients(&arguments, 5e-5, |v| layer_norm(&v[0], axis, &v[1], &v[2], 1e-2))
    });
}

/// Mean and standard deviation.
fn moments(values: &[f64], eps: f64) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    (mean, (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count + eps).sqrt())
}

/// Batch, channels, sizes.
fn maps() -> impl Strategy<Value = Vec<usize>> {
    (1..=3usize, 1..=9usize, 1..=40usize, 1..=40usize).prop_map(|(b, c, h, w)| vec![b, c, h, w])
}

#[test]
fn batch_norm_with_its_own_statistics() {
    let activations = prop::sample::select(vec![Activation::Identity, Activation::Relu6, Activation::Gelu]);
    drawn(48, (maps(), activations), |(shape, activation)| {
        let (x, gain, shift) = (values(1, &shape)?, values(2, &[shape[1]])?, values(3, &[shape[1]])?);
        let (all, inner) = (list(&x)?, shape[2] * shape[3]);
        let channel = |at: usize| at / inner % shape[1];
        let (gains, shifts) = (list(&gain)?, list(&shift)?);
        let of: Vec<(f64, f64)> = (0..shape[1])
            .map(|c| {
                let values = (0..all.len()).filter(|at| channel(*at) == c).map(|at| all[at]);
                moments(&values.collect::<Vec<_>>(), 1e-2)
            })
            .collect();
        let value = |(at, v): (usize, &f64)| {
            let ((mean, deviation), c) = (of[channel(at)], channel(at));
            activate(activation, (v - mean) / deviation * gains[c] + shifts[c])
        };
        let expected = tensor(all.iter().enumerate().map(value).collect(), &shape)?;
        let arguments = [x, gain, shift];
        let run = |v: &[Tensor]| {
            Ok(batch_norm_train(&v[0], &v[1], &v[2], &NormStep::new(1e-2, activation))?.output)
        };
        compare(&arguments, &expected, 5e-6, run)?;
        match activation {
            // Differences fail where a kink lies between them.
            Activation::Relu6 => Ok(()),
            _ => compare_gradients(&arguments, 5e-5, run),
        }
    });
}

#[test]
fn affine_maps_of_channels() {
    drawn(32, maps(), |shape| {
        let arguments = [values(1, &shape)?, values(2, &[shape[1]])?, values(3, &[shape[1]])?];
        let (scale, offset) = (list(&arguments[1])?, list(&arguments[2])?);
        let channel = |at: usize| at / (shape[2] * shape[3]) % shape[1];
        let value = |(at, v): (usize, f64)| v * scale[channel(at)] + offset[channel(at)];
        let expected = list(&arguments[0])?.into_iter().enumerate().map(value).collect();
        compare(&arguments, &tensor(expected, &shape)?, 1e-6, |v| channel_affine(&v[0], &v[1], &v[2]))?;
        compare_gradients(&arguments, 1e-5, |v| channel_affine(&v[0], &v[1], &v[2]))
    });
}

#[test]
fn activations() {
    drawn(32, 1..=3000usize, |count| {
        let x = (values(1, &[count])? * 4.0)?;
        for (activation, f) in [
            (Activation::Relu, relu as fn(&Tensor) -> _),
            (Activation::Relu6, relu6),
            (Activation::Gelu, gelu),
        ] {
            let expected = list(&x)?.into_iter().map(|v| activate(activation, v)).collect();
            compare(from_ref(&x), &tensor(expected, &[count])?, 1e-6, |v| f(&v[0]))?;
        }
        compare_gradients(&[x], 1e-6, |v| gelu(&v[0]))
    });
}

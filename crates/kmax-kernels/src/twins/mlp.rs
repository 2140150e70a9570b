//! The branch of ConvNeXt's blocks over channels.

use super::conv::activate;
use super::{compare, drawn, list, narrow, tensor, values};
use crate::activation::Activation;
use crate::error::Result;
use crate::testing::assert_close;
use crate::{ConvParams, Factors, Mlp, Prepared, has_kernel, mlp};
use candle_core::{DType, Tensor};

/// Of one pixel's channels `x`: `weights` are gain, shift, expansion `[hidden, channels]`, its bias, projection and its bias.
fn branch(x: &[f64], weights: &[Vec<f64>], eps: f64) -> Vec<f64> {
    let [gain, shift, expand, expand_bias, project, project_bias] = weights else {
        unreachable!("six arguments")
    };
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    let variance = x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / x.len() as f64;
    let normed = (0..x.len()).map(|c| (x[c] - mean) / (variance + eps).sqrt() * gain[c] + shift[c]);
    let product = |matrix: &[f64], bias: &[f64], x: &[f64]| -> Vec<f64> {
        let sum = |row: &[f64]| row.iter().zip(x).map(|(w, v)| w * v).sum::<f64>();
        matrix.chunks_exact(x.len()).zip(bias).map(|(row, bias)| sum(row) + bias).collect()
    };
    let hidden = product(expand, expand_bias, &normed.collect::<Vec<_>>());
    let hidden: Vec<f64> = hidden.into_iter().map(|v| activate(Activation::Gelu, v)).collect();
    product(project, project_bias, &hidden)
}

#[test]
fn norm_expansion_and_projection() {
    let shape = (1..=2usize, 1..=40usize, 1..=500usize, [1..=20usize, 1..=20usize]);
    drawn(24, shape, |(batch, channels, hidden, [height, width])| {
        let map = [batch, channels, height, width];
        let shapes: [&[usize]; 8] = [
            &map,
            &map,
            &[channels],
            &[channels],
            &[hidden, channels, 1, 1],
            &[hidden],
            &[channels, hidden, 1, 1],
            &[channels],
        ];
        let mut arguments =
            (0..).zip(shapes).map(|(seed, shape)| values(seed, shape)).collect::<Result<Vec<_>>>()?;
        // Of about the size of their inputs, and exact in float32.
        for (at, inputs) in [(4, channels), (6, hidden)] {
            arguments[at] = (&arguments[at] * 0.5f64.powi(inputs.ilog2() as i32 / 2))?;
        }
        if !has_kernel(&arguments[0].to_dtype(DType::F32)?) {
            return Ok(());
        }
        let [x, mut expected] = [list(&arguments[0])?, list(&arguments[1])?];
        let weights = arguments[2..].iter().map(list).collect::<Result<Vec<_>>>()?;
        let area = height * width;
        for first in (0..batch).flat_map(|b| (0..area).map(move |pixel| b * channels * area + pixel)) {
            let pixel: Vec<f64> = (0..channels).map(|c| x[first + c * area]).collect();
            for (c, v) in branch(&pixel, &weights, 1e-2).into_iter().enumerate() {
                expected[first + c * area] += v;
            }
        }
        let expected = tensor(expected, &map)?;
        let in_one = |v: &[Tensor], factors: Factors| {
            let prepare = |w: &Tensor| Prepared::new(w, ConvParams::default(), factors);
            let (expand, project) = (prepare(&v[4])?.expect("a kernel"), prepare(&v[6])?.expect("a kernel"));
            let parts =
                Mlp { norm: (&v[2], &v[3]), eps: 1e-2, expand: (&expand, &v[5]), project: (&project, &v[7]) };
            Ok(mlp(&v[0], &v[1], parts)?.expect("two 1x1 convolutions"))
        };
        compare(&arguments, &expected, 1e-5, |v| in_one(v, Factors::Exact))?;
        // Two products of rounded factors: each within 2^-8 of its terms, or half a step of 255 in a pixel's range.
        for (factors, tolerance) in [(Factors::Bfloat16, 1.5e-2), (Factors::Int8, 5e-2)] {
            let rounded = in_one(&narrow(&arguments)?, factors)?;
            assert_close(&rounded.to_dtype(DType::F64)?, &expected, tolerance);
        }
        Ok(())
    });
}

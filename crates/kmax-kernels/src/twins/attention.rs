//! Axial attention and the k-means step.

use super::{compare, compare_gradients, drawn, list, tensor, values};
use crate::error::Result;
use crate::{AxialTables, axial_attention, center_sums, nearest_center};
use candle_core::{DType, Tensor};
use proptest::prelude::*;
use std::slice::from_ref;

#[derive(Debug, Clone, Copy)]
struct Axial {
    batch: usize,
    heads: usize,
    key: usize,
    value: usize,
    size: [usize; 2],
    vertical: bool,
    stride: usize,
    /// Distances of the tables that no pair has, on each side.
    spare: usize,
}

impl Axial {
    fn length(&self) -> usize {
        self.size[usize::from(!self.vertical)]
    }

    /// Map and tables: the map, three position tables, two kinds of factors, the offset.
    fn arguments(&self) -> Result<Vec<Tensor>> {
        let Self { batch, heads, key, value, size: [height, width], .. } = *self;
        let distances = 2 * (self.length() + self.spare) - 1;
        let shapes: [&[usize]; 7] = [
            &[batch, heads * (2 * key + value), height, width],
            &[distances, key],
            &[distances, key],
            &[distances, value],
            &[3 * heads],
            &[2 * heads * value],
            &[heads * value],
        ];
        (0..).zip(shapes).map(|(seed, shape)| values(seed, shape)).collect()
    }

    fn run(&self, v: &[Tensor]) -> Result<Tensor> {
        let [query_position, key_position, value_position, similarity_scale, retrieved_scale, offset] =
            [1, 2, 3, 4, 5, 6].map(|i| v[i].clone());
        let heads = self.heads;
        let tables = AxialTables {
            heads,
            query_position,
            key_position,
            value_position,
            similarity_scale,
            retrieved_scale,
            offset,
        };
        axial_attention(&v[0], &tables, self.vertical, self.stride)
    }

    fn twin(&self, arguments: &[Tensor]) -> Result<Tensor> {
        let Self { batch, heads, key, value, size: [height, width], vertical, stride, .. } = *self;
        let lists = arguments.iter().map(list).collect::<Result<Vec<_>>>()?;
        let [x, by_query, by_key, by_value, similarity, retrieved, offset] = &lists[..] else {
            unreachable!("seven arguments")
        };
        let (length, middle) = (self.length(), self.length() + self.spare - 1);
        let channels = heads * (2 * key + value);
        let (rows, columns) =
            if vertical { (height.div_ceil(stride), width) } else { (height, width.div_ceil(stride)) };
        let mut out = Vec::new();
        for (b, h) in (0..batch).flat_map(|b| (0..heads).map(move |h| (b, h))) {
            for d in 0..value {
                for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
                    let (line, i) = if vertical { (column, row * stride) } else { (row, column * stride) };
                    let at = |channel: usize, position: usize| {
                        let (y, x_) = if vertical { (position, line) } else { (line, position) };
                        x[((b * channels + channel) * height + y) * width + x_]
                    };
                    let query = |c: usize| at(h * key + c, i);
                    let key_of = |c: usize, j: usize| at((heads + h) * key + c, j);
                    let similar = |j: usize| {
                        let distance = middle + j - i;
                        let sum = |f: &dyn Fn(usize) -> f64| (0..key).map(f).sum::<f64>();
                        similarity[h] * sum(&|c| query(c) * key_of(c, j))
                            + similarity[heads + h] * sum(&|c| query(c) * by_query[distance * key + c])
                            + similarity[2 * heads + h] * sum(&|c| key_of(c, j) * by_key[distance * key + c])
                    };
                    let weights: Vec<f64> = (0..length).map(similar).collect();
                    let most = weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    let total: f64 = weights.iter().map(|w| (w - most).exp()).sum();
                    let channel = h * value + d;
                    let given = |j: usize| {
                        at(2 * heads * key + channel, j) * retrieved[channel]
                            + by_value[(middle + j - i) * value + d] * retrieved[heads * value + channel]
                    };
                    let sum: f64 =
                        weights.iter().enumerate().map(|(j, w)| (w - most).exp() / total * given(j)).sum();
                    out.push(sum + offset[channel]);
                }
            }
        }
        tensor(out, &[batch, heads * value, rows, columns])
    }
}

#[test]
fn axial() {
    let sizes = [1..=24usize, 1..=24usize];
    let depths = (1..=3usize, 1..=6usize, 1..=6usize);
    let cases = (1..=2usize, depths, sizes, any::<bool>(), 1..=3usize, 0..3usize);
    drawn(48, cases, |(batch, (heads, key, value), size, vertical, stride, spare)| {
        let axial = Axial { batch, heads, key, value, size, vertical, stride, spare };
        let arguments = axial.arguments()?;
        compare(&arguments, &axial.twin(&arguments)?, 1e-5, |v| axial.run(v))
    });
}

#[test]
fn k_means() {
    let shape = (1..=2usize, 1..=40usize, 1..=20usize, 1..=5000usize);
    drawn(32, shape, |(batch, centers, channels, pixels)| {
        let logits = values(1, &[batch, centers, pixels])?;
        let all = list(&logits)?;
        let mut nearest = vec![0u32; batch * pixels];
        for (at, nearest) in nearest.iter_mut().enumerate() {
            let logit = |center: usize| all[(at / pixels * centers + center) * pixels + at % pixels];
            for center in 1..centers {
                if logit(center) > logit(*nearest as usize) {
                    *nearest = center as u32;
                }
            }
        }
        for logits in [logits.clone(), logits.to_dtype(DType::F32)?] {
            assert_eq!(nearest_center(&logits)?.flatten_all()?.to_vec1::<u32>()?, nearest);
        }
        let x = values(2, &[batch, channels, pixels])?;
        let mut sums = vec![0.0; batch * channels * centers];
        for (at, v) in list(&x)?.into_iter().enumerate() {
            let (row, pixel) = (at / pixels, at % pixels);
            sums[row * centers + nearest[row / channels * pixels + pixel] as usize] += v;
        }
        let assignment = Tensor::from_vec(nearest, (batch, pixels), x.device())?;
        let expected = tensor(sums, &[batch, channels, centers])?;
        compare(from_ref(&x), &expected, 1e-5, |v| center_sums(&v[0], &assignment, centers))?;
        compare_gradients(&[x], 1e-6, |v| center_sums(&v[0], &assignment, centers))
    });
}

//! Pooling and resizing of maps.

use super::{compare, compare_gradients, drawn, list, tensor, values};
use crate::error::Result;
use crate::{Alignment, max_pool2d, resize_bilinear};
use candle_core::Tensor;
use proptest::prelude::*;
use std::slice::from_ref;

/// The bilinear value straight from its definition.
pub(crate) fn resized(x: &Tensor, height: usize, width: usize, alignment: Alignment) -> Result<Tensor> {
    let (b, c, h, w) = x.dims4()?;
    let values = list(x)?;
    let position = |i: usize, from: usize, to: usize| match alignment {
        Alignment::Corners if to == 1 => 0.0,
        Alignment::Corners => i as f64 * (from - 1) as f64 / (to - 1) as f64,
        Alignment::Borders => {
            ((i as f64 + 0.5) * from as f64 / to as f64 - 0.5).clamp(0.0, (from - 1) as f64)
        }
    };
    let near = |a: f64, b: usize| (1.0 - (a - b as f64).abs()).max(0.0);
    let mut out = Vec::new();
    for map in values.chunks((h * w).max(1)).take(b * c) {
        for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            let (py, px) = (position(y, h, height), position(x, w, width));
            let terms = map.iter().enumerate().map(|(i, value)| value * near(py, i / w) * near(px, i % w));
            out.push(terms.sum());
        }
    }
    tensor(out, &[b, c, height, width])
}

#[test]
fn resizing() {
    let sizes = || [1..=40usize, 1..=40usize];
    let alignments = prop::sample::select(vec![Alignment::Corners, Alignment::Borders]);
    drawn(40, (1..=2usize, 1..=5usize, sizes(), sizes(), alignments), |(b, c, from, to, alignment)| {
        let x = values(1, &[b, c, from[0], from[1]])?;
        let expected = resized(&x, to[0], to[1], alignment)?;
        // Sample positions are computed in the element type.
        compare(from_ref(&x), &expected, 2e-5, |v| resize_bilinear(&v[0], to[0], to[1], alignment))?;
        compare_gradients(&[x], 2e-5, |v| resize_bilinear(&v[0], to[0], to[1], alignment))
    });
}

#[test]
fn pooling() {
    let window = (1..=4usize, 1..=3usize, 0..=3usize).prop_filter("padding", |(k, _, p)| p < k);
    let shape = (1..=2usize, 1..=5usize, 4..=40usize, 4..=40usize);
    drawn(48, (shape, window), |((b, c, height, width), (kernel, stride, padding))| {
        let x = values(1, &[b, c, height, width])?;
        let all = list(&x)?;
        let out = |size: usize| (size + 2 * padding - kernel) / stride + 1;
        let mut expected = Vec::new();
        for map in all.chunks(height * width) {
            for (y, x) in (0..out(height)).flat_map(|y| (0..out(width)).map(move |x| (y, x))) {
                let window = (0..kernel * kernel).filter_map(|i| {
                    let row = (y * stride + i / kernel).checked_sub(padding).filter(|row| *row < height)?;
                    let column = (x * stride + i % kernel).checked_sub(padding).filter(|at| *at < width)?;
                    Some(map[row * width + column])
                });
                expected.push(window.fold(f64::NEG_INFINITY, f64::max));
            }
        }
        let expected = tensor(expected, &[b, c, out(height), out(width)])?;
        compare(from_ref(&x), &expected, 0.0, |v| max_pool2d(&v[0], kernel, stride, padding))?;
        compare_gradients(&[x], 1e-6, |v| max_pool2d(&v[0], kernel, stride, padding))
    });
}

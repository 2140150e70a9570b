//! Convolutions at the shapes of ResNet-50 at 1281, ConvNeXt and EfficientNet-Lite0, forward and backward.

use candle_core::{Result, Tensor, Var};
use criterion::{Criterion, criterion_main};
use kmax_benches::{criterion, random};
use kmax_nn::ops::conv2d;
use std::hint::black_box;

/// Name, batch, input and output channels, side of the map, kernel, stride, whether depthwise.
type Case = (&'static str, usize, usize, usize, usize, usize, usize, bool);

const FORWARD: &[Case] = &[
    ("7x7s2 3-64 @1281", 1, 3, 64, 1281, 7, 2, false),
    ("3x3 64 @321", 1, 64, 64, 321, 3, 1, false),
    ("3x3 128 @161", 1, 128, 128, 161, 3, 1, false),
    ("3x3 256 @81", 1, 256, 256, 81, 3, 1, false),
    ("3x3 512 @41", 1, 512, 512, 41, 3, 1, false),
    ("3x3s2 128 @321", 1, 128, 128, 321, 3, 2, false),
    ("1x1 64-256 @321", 1, 64, 256, 321, 1, 1, false),
    ("1x1 256-64 @321", 1, 256, 64, 321, 1, 1, false),
    ("1x1 128-512 @161", 1, 128, 512, 161, 1, 1, false),
    ("1x1 1024-256 @81", 1, 1024, 256, 81, 1, 1, false),
    ("1x1s2 256-512 @321", 1, 256, 512, 321, 1, 2, false),
    ("depthwise 5x5 256 @161", 1, 256, 256, 161, 5, 1, true),
    ("depthwise 5x5 256 @41", 1, 256, 256, 41, 5, 1, true),
    ("depthwise 7x7 96 @321", 1, 96, 96, 321, 7, 1, true),
    ("depthwise 7x7 384 @81", 1, 384, 384, 81, 7, 1, true),
    ("depthwise 7x7 1536 @41", 1, 1536, 1536, 41, 7, 1, true),
    ("depthwise 3x3s2 96 @193", 1, 96, 96, 193, 3, 2, true),
];

const BACKWARD: &[Case] = &[
    ("3x3 64 @161", 1, 64, 64, 161, 3, 1, false),
    ("3x3 256 @41", 1, 256, 256, 41, 3, 1, false),
    ("3x3s2 3-32 @193 x4", 4, 3, 32, 193, 3, 2, false),
    ("1x1 96-24 @97 x4", 4, 96, 24, 97, 1, 1, false),
    ("1x1 192-1152 @13 x4", 4, 192, 1152, 13, 1, 1, false),
    ("depthwise 5x5 256 @41", 1, 256, 256, 41, 5, 1, true),
    ("depthwise 3x3s2 96 @97 x4", 4, 96, 96, 97, 3, 2, true),
];

fn inputs(case: Case) -> Result<(Tensor, Tensor)> {
    let (_, batch, input, output, side, k, _, depthwise) = case;
    let per = if depthwise { 1 } else { input };
    Ok((random(&[batch, input, side, side])?, random(&[output, per, k, k])?))
}

fn run(case: Case, x: &Tensor, w: &Tensor) -> kmax_nn::Result<Tensor> {
    let (_, _, input, _, _, k, stride, depthwise) = case;
    let padding = k / 2;
    conv2d(x, w, stride, (padding, padding), 1, if depthwise { input } else { 1 })
}

fn backward(case: Case, x: &Var, w: &Var) -> kmax_nn::Result<()> {
    let y = run(case, x.as_tensor(), w.as_tensor())?;
    black_box(y.backward()?);
    Ok(())
}

fn bench(c: &mut Criterion) -> Result<()> {
    for &case in FORWARD {
        let (x, w) = inputs(case)?;
        c.bench_function(&format!("forward {}", case.0), |b| b.iter(|| run(case, &x, &w).map(black_box)));
    }
    for &case in BACKWARD {
        let (x, w) = inputs(case)?;
        let (x, w) = (Var::from_tensor(&x)?, Var::from_tensor(&w)?);
        c.bench_function(&format!("training {}", case.0), |b| b.iter(|| backward(case, &x, &w)));
    }
    Ok(())
}

fn all() {
    if let Err(error) = bench(&mut criterion()) {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

criterion_main!(all);

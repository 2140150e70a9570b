//! Seconds of single operations at the shapes of ResNet-50 on an image of 641 x 641, as one JSON array.
//!
//! The number of threads is `RAYON_NUM_THREADS`'s.

use candle_core::{DType, Tensor};
use kmax_benches::random;
use kmax_nn::ops::{self, Finish};
use kmax_nn::{Activation, Result};
use std::time::Instant;

/// The best of some runs.
fn seconds(mut f: impl FnMut() -> Result<Tensor>) -> Result<f64> {
    f()?;
    let (mut best, start) = (f64::INFINITY, Instant::now());
    while start.elapsed().as_secs_f64() < 0.2 {
        let run = Instant::now();
        drop(f()?);
        best = best.min(run.elapsed().as_secs_f64());
    }
    Ok(best)
}

/// Input and output channels, side of the input, kernel, stride, whether depthwise, how often in the network.
const CONVOLUTIONS: &[(usize, usize, usize, usize, usize, bool, usize)] = &[
    (3, 64, 641, 7, 2, false, 1),
    (64, 64, 161, 3, 1, false, 4),
    (64, 256, 161, 1, 1, false, 5),
    (256, 64, 161, 1, 1, false, 4),
    (256, 128, 161, 1, 1, false, 2),
    (256, 256, 161, 1, 1, false, 1),
    (128, 128, 161, 3, 2, false, 1),
    (256, 512, 161, 1, 2, false, 1),
    (128, 128, 81, 3, 1, false, 4),
    (128, 512, 81, 1, 1, false, 5),
    (512, 128, 81, 1, 1, false, 4),
    (256, 256, 81, 1, 1, false, 4),
    (512, 256, 81, 1, 1, false, 3),
    (256, 256, 81, 3, 2, false, 1),
    (512, 1024, 81, 1, 2, false, 1),
    (256, 256, 41, 3, 1, false, 5),
    (256, 1024, 41, 1, 1, false, 6),
    (1024, 256, 41, 1, 1, false, 7),
    (512, 1024, 41, 1, 1, false, 15),
    (1024, 512, 41, 1, 1, false, 6),
    (512, 512, 41, 3, 2, false, 1),
    (1024, 2048, 41, 1, 2, false, 1),
    (512, 512, 21, 3, 1, false, 2),
    (512, 2048, 21, 1, 1, false, 3),
    (2048, 512, 21, 1, 1, false, 2),
    (1024, 2048, 21, 1, 1, false, 3),
    (256, 256, 161, 5, 1, true, 1),
    (256, 256, 81, 5, 1, true, 2),
    (256, 256, 41, 5, 1, true, 2),
];

fn row(name: &str, times: usize, seconds: f64, flops: f64, elements: usize) {
    println!(
        "{{\"operation\": \"{name}\", \"times\": {times}, \"seconds\": {seconds:.6}, \"gflops\": {:.2}, \"megabytes\": {:.2}}},",
        flops / seconds * 1e-9,
        elements as f64 * 4e-6
    );
}

fn main() -> Result<()> {
    println!("[");
    let a = random(&[2048, 2048])?;
    let product = seconds(|| Ok(a.matmul(&a)?))?;
    row("matrix product 2048", 0, product, 2.0 * 2048f64.powi(3), 3 * 2048 * 2048);
    for &(input, output, side, k, stride, depthwise, times) in CONVOLUTIONS {
        let groups = if depthwise { input } else { 1 };
        let (x, bias) = (random(&[1, input, side, side])?, random(&[output])?);
        let w = random(&[output, input / groups, k, k])?;
        let finish = Finish { bias: Some(&bias), residual: None, activation: Activation::Relu };
        let run = || ops::conv2d_finished(&x, &w, stride, (k / 2, k / 2), 1, groups, finish);
        let y = run()?;
        let flops = 2.0 * (y.elem_count() * w.elem_count() / output) as f64;
        let kind = if depthwise { "depthwise " } else { "" };
        let step = if stride > 1 { format!(" stride {stride}") } else { String::new() };
        let name = format!("{kind}{k}x{k}{step} {input}-{output} @{side}");
        row(&name, times, seconds(run)?, flops, x.elem_count() + w.elem_count() + y.elem_count());
    }
    type Op = fn(&Tensor) -> Result<Tensor>;
    let others: [(&str, usize, &[usize], Op); 7] = [
        ("max pool 64 @321", 1, &[1, 64, 321, 321], |x| ops::max_pool2d(x, 3, 2, 1)),
        ("layer norm 256 @161", 1, &[1, 256, 161, 161], |x| {
            let gain = Tensor::ones(256, DType::F32, x.device())?;
            ops::layer_norm(x, 1, &gain, &gain, 1e-6)
        }),
        ("gelu 512 @81", 6, &[1, 512, 81, 81], ops::gelu),
        ("resize 128 @41-81", 1, &[1, 128, 41, 41], |x| {
            ops::resize_bilinear(x, 81, 81, ops::Alignment::Corners)
        }),
        ("l2 normalise 128 @161", 1, &[1, 128, 161, 161], |x| ops::l2_normalize(x, 1, 1e-12)),
        ("nearest center 128 @81", 2, &[1, 128, 6561], ops::nearest_center),
        ("softmax 128 x 6561 by column", 0, &[1, 128, 6561], |x| ops::softmax(x, 1)),
    ];
    for (name, times, shape, f) in others {
        let x = random(shape)?;
        let moved = x.elem_count() + f(&x)?.elem_count();
        row(name, times, seconds(|| f(&x))?, 0.0, moved);
    }
    let (values, logits) = (random(&[1, 256, 6561])?, random(&[1, 128, 6561])?);
    let nearest = ops::nearest_center(&logits)?;
    let sums = seconds(|| ops::center_sums(&values, &nearest, 128))?;
    row("center sums 256 @81", 2, sums, 0.0, values.elem_count());
    println!("{{}}]");
    Ok(())
}

//! CPU seconds per operation against a matrix product's: a measure that other programs on the machine disturb little.

use candle_core::{Tensor, Var};
use kmax_benches::{cpu_seconds, random};
use kmax_nn::Activation;
use kmax_nn::ops::{self, conv2d};

fn per_run<T>(mut f: impl FnMut() -> kmax_nn::Result<T>) -> kmax_nn::Result<f64> {
    f()?;
    let mut best = f64::INFINITY;
    for _ in 0..3 {
        let start = cpu_seconds();
        let mut runs = 0;
        while cpu_seconds() - start < 0.15 {
            f()?;
            runs += 1;
        }
        best = best.min((cpu_seconds() - start) / runs as f64);
    }
    Ok(best)
}

fn main() -> kmax_nn::Result<()> {
    let only = std::env::args().nth(1).unwrap_or_default();
    let a = random(&[1536, 1536])?;
    let product = per_run(|| Ok(a.matmul(&a)?))?;
    let peak = 2.0 * 1536f64.powi(3) / product;
    println!("matmul {:.1} GFLOP per CPU second", peak * 1e-9);
    for (name, b, i, o, side, k, s, dw, bwd) in [
        ("7x7s2 3-64 @1281", 1, 3, 64, 1281, 7, 2, false, false),
        ("3x3 64 @321", 1, 64, 64, 321, 3, 1, false, false),
        ("3x3 128 @161", 1, 128, 128, 161, 3, 1, false, false),
        ("3x3 256 @81", 1, 256, 256, 81, 3, 1, false, false),
        ("3x3 512 @41", 1, 512, 512, 41, 3, 1, false, false),
        ("3x3s2 128 @321", 1, 128, 128, 321, 3, 2, false, false),
        ("1x1 64-256 @321", 1, 64, 256, 321, 1, 1, false, false),
        ("1x1 256-64 @321", 1, 256, 64, 321, 1, 1, false, false),
        ("1x1 128-512 @161", 1, 128, 512, 161, 1, 1, false, false),
        ("1x1 1024-256 @81", 1, 1024, 256, 81, 1, 1, false, false),
        ("1x1s2 256-512 @321", 1, 256, 512, 321, 1, 2, false, false),
        ("dw 5x5 256 @161", 1, 256, 256, 161, 5, 1, true, false),
        ("dw 5x5 256 @41", 1, 256, 256, 41, 5, 1, true, false),
        ("dw 7x7 384 @81", 1, 384, 384, 81, 7, 1, true, false),
        ("dw 7x7 1536 @41", 1, 1536, 1536, 41, 7, 1, true, false),
        ("dw 3x3s2 96 @193", 1, 96, 96, 193, 3, 2, true, false),
        ("train 3x3 64 @161", 1, 64, 64, 161, 3, 1, false, true),
        ("train 3x3 256 @41", 1, 256, 256, 41, 3, 1, false, true),
        ("train 3x3s2 3-32 @193 x4", 4, 3, 32, 193, 3, 2, false, true),
        ("train 1x1 96-24 @97 x4", 4, 96, 24, 97, 1, 1, false, true),
        ("train 1x1 192-1152 @13 x4", 4, 192, 1152, 13, 1, 1, false, true),
        ("train dw 5x5 256 @41", 1, 256, 256, 41, 5, 1, true, true),
        ("train dw 3x3s2 96 @97 x4", 4, 96, 96, 97, 3, 2, true, true),
    ] {
        if !name.contains(&only) {
            continue;
        }
        let x = Var::from_tensor(&random(&[b, i, side, side])?)?;
        let w = Var::from_tensor(&random(&[o, if dw { 1 } else { i }, k, k])?)?;
        let groups = if dw { i } else { 1 };
        let run = |x: &Tensor, w: &Tensor| conv2d(x, w, s, (k / 2, k / 2), 1, groups);
        let (dx, dw_) = (x.as_tensor().detach(), w.as_tensor().detach());
        let forward = per_run(|| run(&dx, &dw_))?;
        let area = run(&dx, &dw_)?.elem_count();
        let flops = 2.0 * (area * k * k * i / groups) as f64;
        print!("{name:28} {:8.2} CPU-ms  {:.2} of matmul", forward * 1e3, flops / forward / peak);
        if bwd {
            let both = per_run(|| {
                let y = run(x.as_tensor(), w.as_tensor())?;
                drop(y.backward()?);
                Ok(())
            })?;
            print!("   with backward {:8.2} CPU-ms  {:.2}", both * 1e3, 3.0 * flops / both / peak);
        }
        println!();
    }
    type Op = fn(&Tensor) -> kmax_nn::Result<Tensor>;
    let ops: [(&str, [usize; 4], Op); 13] = [
        ("relu6 256 @161", [1, 256, 161, 161], ops::relu6),
        ("gelu 256 @161", [1, 256, 161, 161], ops::gelu),
        ("batch norm 64 @161 x2", [2, 64, 161, 161], |x| {
            let c = Var::from_tensor(&Tensor::ones(64, x.dtype(), x.device())?)?;
            Ok(ops::batch_norm_train(x, c.as_tensor(), c.as_tensor(), 1e-3, Activation::Relu6)?.output)
        }),
        ("layer norm 256 @321", [1, 256, 321, 321], |x| {
            let c = Var::from_tensor(&Tensor::ones(256, x.dtype(), x.device())?)?;
            ops::layer_norm(x, 1, c.as_tensor(), c.as_tensor(), 1e-6)
        }),
        ("layer norm 2048 @41", [1, 2048, 41, 41], |x| {
            let c = Var::from_tensor(&Tensor::ones(2048, x.dtype(), x.device())?)?;
            ops::layer_norm(x, 1, c.as_tensor(), c.as_tensor(), 1e-6)
        }),
        ("l2 128 @321", [1, 128, 321, 321], |x| ops::l2_normalize(x, 1, 1e-12)),
        ("softmax 128 @321", [1, 128, 321, 321], |x| ops::softmax(x, 1)),
        ("softmax last 53792x81", [1, 1, 53792, 81], |x| ops::softmax(x, 3)),
        ("softmax last 128x25921", [1, 1, 128, 25921], |x| ops::softmax(x, 3)),
        ("max pool 64 @641", [1, 64, 641, 641], |x| ops::max_pool2d(x, 3, 2, 1)),
        ("resize 32ch 161-641", [1, 32, 161, 161], |x| {
            ops::resize_bilinear(x, 641, 641, ops::Alignment::Corners)
        }),
        ("resize 64ch 49-97 x4", [4, 64, 49, 49], |x| {
            ops::resize_bilinear(x, 97, 97, ops::Alignment::Corners)
        }),
        ("candle add 64 @161 x2", [2, 64, 161, 161], |x| Ok((x + x)?)),
    ];
    for (name, shape, f) in ops {
        if !name.contains(&only) {
            continue;
        }
        let x = Var::from_tensor(&random(&shape)?)?;
        let fixed = x.as_tensor().detach();
        let forward = per_run(|| f(&fixed))?;
        let both = per_run(|| Ok(f(x.as_tensor())?.backward()?))?;
        let count = f(&fixed)?.elem_count().max(x.elem_count()) as f64;
        let per = |seconds: f64| seconds * 1e9 / count;
        println!(
            "{name:28} {:8.2} CPU-ms  {:.2} CPU-ns per element   with backward {:8.2} CPU-ms  {:.2}",
            forward * 1e3,
            per(forward),
            both * 1e3,
            per(both)
        );
    }
    Ok(())
}

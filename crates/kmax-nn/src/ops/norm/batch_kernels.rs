//! Loops over the planes of a channel.

use crate::layers::Activation;
use crate::ops::pointwise::gelu_slope;
use crate::ops::real::Real;
use crate::ops::simd::simd_fn;
use rayon::prelude::*;

/// A parallel task takes at least this many elements.
pub(super) const GRAIN: usize = 16 * 1024;
/// Elements whose sums are taken in the element type, in `LANES` lanes, before float64 takes over.
pub(super) const BLOCK: usize = 4096;
const LANES: usize = 32;

/// Mean and biased variance.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moments {
    pub mean: f64,
    pub variance: f64,
}

/// Of every channel. Blocks are centred on their own means and merged in float64 (Chan, Golub and LeVeque), in order.
pub(super) fn statistics<T: Real>(x: &[T], batch: usize, channels: usize, inner: usize) -> Vec<Moments> {
    let one = |channel: usize| {
        let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
        for image in 0..batch {
            for block in x[(image * channels + channel) * inner..][..inner].chunks(BLOCK) {
                let n = block.len() as f64;
                let own = sum(block) / n;
                let about = T::of(own);
                // The mean was rounded: the squares are moved from the rounded one to the true one.
                let spread = (sum_of_squares(block, about) - n * (own - about.wide()).powi(2)).max(0.0);
                let (total, apart) = (count + n, own - mean);
                mean += apart * n / total;
                squares += spread + apart * apart * count * n / total;
                count = total;
            }
        }
        Moments { mean, variance: if count > 0.0 { squares / count } else { 0.0 } }
    };
    let grain = (GRAIN / (batch * inner).max(1)).max(1);
    (0..channels).into_par_iter().with_min_len(grain).map(one).collect()
}

simd_fn! {
    fn sum[I, T](x: &[T]) -> f64 {
        let mut lanes = [T::ZERO; LANES];
        let mut chunks = x.chunks_exact(LANES);
        for chunk in &mut chunks {
            lanes.iter_mut().zip(chunk).for_each(|(lane, x)| *lane += *x);
        }
        lanes.iter().chain(chunks.remainder()).map(|x| x.wide()).sum::<f64>()
    }
}

simd_fn! {
    fn sum_of_squares[I, T](x: &[T], about: T) -> f64 {
        let mut lanes = [T::ZERO; LANES];
        let mut chunks = x.chunks_exact(LANES);
        for chunk in &mut chunks {
            for (lane, x) in lanes.iter_mut().zip(chunk) {
                *lane = I::mul_add(*x - about, *x - about, *lane);
            }
        }
        let rest: f64 = chunks.remainder().iter().map(|x| (*x - about).wide().powi(2)).sum();
        lanes.iter().map(|x| x.wide()).sum::<f64>() + rest
    }
}

simd_fn! {
    /// `y = activation((x - mean) * scale + shift)`.
    pub(super) fn normalise[I, T](x: &[T], factors: (T, T, T), activation: Activation, y: &mut [T]) {
        let (mean, scale, shift) = factors;
        let six = T::of(6.0);
        let plain = |x: T| I::mul_add(x - mean, scale, shift);
        let positive = |x: T| { let y = plain(x); if y < T::ZERO { T::ZERO } else { y } };
        let pairs = y.iter_mut().zip(x);
        match activation {
            Activation::Relu => pairs.for_each(|(y, x)| *y = positive(*x)),
            Activation::Relu6 => pairs.for_each(|(y, x)| {
                let value = positive(*x);
                *y = if value > six { six } else { value };
            }),
            Activation::Identity => pairs.for_each(|(y, x)| *y = plain(*x)),
            // A loop rather than a closure: long closures are not inlined, and lose the instruction set.
            Activation::Gelu => {
                for (y, x) in pairs {
                    let value = plain(*x);
                    *y = value * value.normal_cdf::<I>();
                }
            }
        }
    }
}

simd_fn! {
    /// The gradient `out` of a normalised value for the gradient `grad` behind the activation, whose result is `y`; gives
    /// the sums of `out` and of `out (x - mean)`.
    pub(super) fn slopes[I, T](
        x: &[T],
        factors: (T, T, T),
        y: &[T],
        grad: &[T],
        activation: Activation,
        out: &mut [T],
    ) -> (f64, f64) {
        let ((mean, scale, shift), six) = (factors, T::of(6.0));
        let all = out.iter_mut().zip(y).zip(grad);
        match activation {
            Activation::Identity => out.copy_from_slice(grad),
            Activation::Relu => all.for_each(|((out, y), grad)| {
                *out = if *y > T::ZERO { *grad } else { T::ZERO };
            }),
            Activation::Relu6 => all.for_each(|((out, y), grad)| {
                *out = if *y > T::ZERO && *y < six { *grad } else { T::ZERO };
            }),
            // GELU cannot be undone from its result.
            Activation::Gelu => {
                for ((out, x), grad) in out.iter_mut().zip(x).zip(grad) {
                    *out = *grad * gelu_slope::<I, T>(I::mul_add(*x - mean, scale, shift));
                }
            }
        }
        let (mut plain, mut centred) = ([T::ZERO; LANES], [T::ZERO; LANES]);
        let (mut xs, mut slopes) = (x.chunks_exact(LANES), out.chunks_exact(LANES));
        for (x, slope) in (&mut xs).zip(&mut slopes) {
            for i in 0..LANES {
                plain[i] += slope[i];
                centred[i] = I::mul_add(slope[i], x[i] - mean, centred[i]);
            }
        }
        let total = |lanes: [T; LANES]| lanes.iter().map(|x| x.wide()).sum::<f64>();
        let mut sums = (total(plain), total(centred));
        for (x, slope) in xs.remainder().iter().zip(slopes.remainder()) {
            sums = (sums.0 + slope.wide(), sums.1 + (*slope * (*x - mean)).wide());
        }
        sums
    }
}

simd_fn! {
    /// Sums of `g` and of `g x`.
    pub(super) fn dot[I, T](x: &[T], g: &[T]) -> (f64, f64) {
        let (mut plain, mut product) = ([T::ZERO; LANES], [T::ZERO; LANES]);
        let (mut xs, mut gs) = (x.chunks_exact(LANES), g.chunks_exact(LANES));
        for (x, g) in (&mut xs).zip(&mut gs) {
            for i in 0..LANES {
                plain[i] += g[i];
                product[i] = I::mul_add(g[i], x[i], product[i]);
            }
        }
        let total = |lanes: [T; LANES]| lanes.iter().map(|x| x.wide()).sum::<f64>();
        let mut sums = (total(plain), total(product));
        for (x, g) in xs.remainder().iter().zip(gs.remainder()) {
            sums = (sums.0 + g.wide(), sums.1 + (*g * *x).wide());
        }
        sums
    }
}

simd_fn! {
    /// `g = g * scale - (x - mean) * slope - level`.
    pub(super) fn spread[I, T](x: &[T], factors: (T, T, T, T), g: &mut [T]) {
        let (mean, scale, slope, level) = factors;
        for (g, x) in g.iter_mut().zip(x) {
            *g = I::mul_add(*g, scale, -I::mul_add(*x - mean, slope, level));
        }
    }
}

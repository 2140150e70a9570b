//! Loops over the planes of a channel.

use crate::layers::Activation;
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
            _ => pairs.for_each(|(y, x)| *y = plain(*x)),
        }
    }
}

/// The share of the gradient that an activation lets through, told from its result.
#[inline(always)]
fn open<T: Real>(activation: Activation, y: T, six: T) -> T {
    match activation {
        Activation::Relu => {
            if y > T::ZERO {
                T::ONE
            } else {
                T::ZERO
            }
        }
        Activation::Relu6 => {
            if y > T::ZERO && y < six {
                T::ONE
            } else {
                T::ZERO
            }
        }
        _ => T::ONE,
    }
}

simd_fn! {
    /// Sums of `g` and of `g (x - mean)`, `g` being `grad` behind the activation whose result is `y`.
    pub(super) fn dot[I, T](x: &[T], mean: T, y: &[T], grad: &[T], activation: Activation) -> (f64, f64) {
        let six = T::of(6.0);
        let (mut plain, mut centred) = ([T::ZERO; LANES], [T::ZERO; LANES]);
        let (mut more_plain, mut more_centred) = (0.0, 0.0);
        for ((x, y), grad) in x.chunks(LANES).zip(y.chunks(LANES)).zip(grad.chunks(LANES)) {
            if x.len() == LANES {
                for i in 0..LANES {
                    let g = grad[i] * open(activation, y[i], six);
                    plain[i] += g;
                    centred[i] = I::mul_add(g, x[i] - mean, centred[i]);
                }
            } else {
                for i in 0..x.len() {
                    let g = grad[i] * open(activation, y[i], six);
                    more_plain += g.wide();
                    more_centred += (g * (x[i] - mean)).wide();
                }
            }
        }
        let total = |lanes: [T; LANES]| lanes.iter().map(|x| x.wide()).sum::<f64>();
        (more_plain + total(plain), more_centred + total(centred))
    }
}

simd_fn! {
    /// `out = g * scale - (x - mean) * slope - level`.
    pub(super) fn spread[I, T](
        x: &[T],
        y: &[T],
        grad: &[T],
        factors: (T, T, T, T),
        activation: Activation,
        out: &mut [T],
    ) {
        let (mean, scale, slope, level) = factors;
        let six = T::of(6.0);
        for (((out, x), y), grad) in out.iter_mut().zip(x).zip(y).zip(grad) {
            let g = *grad * open(activation, *y, six);
            *out = I::mul_add(g, scale, -I::mul_add(*x - mean, slope, level));
        }
    }
}

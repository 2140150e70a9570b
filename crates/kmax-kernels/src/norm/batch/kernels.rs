//! Loops over the planes of a channel.

use crate::activation::Activation;
use crate::activation::gelu_slope;
use crate::cpu::{Float, Isa, all_written, simd_fn, written};
use rayon::prelude::*;
use std::mem::MaybeUninit;

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
pub(super) fn statistics<T: Float>(x: &[T], batch: usize, channels: usize, inner: usize) -> Vec<Moments> {
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
        total(lanes) + chunks.remainder().iter().map(|x| x.wide()).sum::<f64>()
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
        total(lanes) + rest
    }
}

simd_fn! {
    /// `y = activation((x - mean) * scale + shift)`.
    pub(super) fn normalise[I, T](x: &[T], factors: (T, T, T), activation: Activation, y: &mut [MaybeUninit<T>]) {
        let (mean, scale, shift) = factors;
        let six = T::of(6.0);
        let plain = |x: T| I::mul_add(x - mean, scale, shift);
        let positive = |x: T| { let y = plain(x); if y < T::ZERO { T::ZERO } else { y } };
        let pairs = y.iter_mut().zip(x);
        match activation {
            Activation::Relu => pairs.for_each(|(y, x)| {
                y.write(positive(*x));
            }),
            Activation::Relu6 => pairs.for_each(|(y, x)| {
                let value = positive(*x);
                y.write(if value > six { six } else { value });
            }),
            Activation::Identity => pairs.for_each(|(y, x)| {
                y.write(plain(*x));
            }),
            // A loop rather than a closure: long closures are not inlined, and lose the instruction set.
            Activation::Gelu => {
                for (y, x) in pairs {
                    let value = plain(*x);
                    y.write(value.gelu::<I>());
                }
            }
        }
    }
}

/// Elements whose slopes are told and summed while a first-level cache holds them.
const PART: usize = 1024;

simd_fn! {
    /// The gradient `out` of a normalised value for the gradient `grad` behind the activation; gives the sums of `out` and
    /// of `out (x - mean)`. With the identity, `out` is left alone: it would be `grad`.
    ///
    /// The value is computed again: reading it would take longer.
    pub(super) fn slopes[I, T](
        x: &[T],
        factors: (T, T, T),
        grad: &[T],
        activation: Activation,
        out: &mut [MaybeUninit<T>],
    ) -> (f64, f64) {
        let ((mean, scale, shift), six) = (factors, T::of(6.0));
        let value = |x: T| I::mul_add(x - mean, scale, shift);
        assert!(x.len() == out.len() && grad.len() == out.len());
        let mut sums = Sums::ZERO;
        if activation == Activation::Identity {
            sums.add::<I>(x, mean, grad);
            return sums.totals();
        }
        for ((x, grad), out) in x.chunks(PART).zip(grad.chunks(PART)).zip(out.chunks_mut(PART)) {
            let all = out.iter_mut().zip(x).zip(grad);
            match activation {
                Activation::Identity => {}
                Activation::Relu => all.for_each(|((out, x), grad)| {
                    out.write(if value(*x) > T::ZERO { *grad } else { T::ZERO });
                }),
                Activation::Relu6 => all.for_each(|((out, x), grad)| {
                    let value = value(*x);
                    out.write(if value > T::ZERO && value < six { *grad } else { T::ZERO });
                }),
                Activation::Gelu => {
                    for ((out, x), grad) in all {
                        out.write(*grad * gelu_slope::<I, T>(value(*x)));
                    }
                }
            }
            // SAFETY: the three are of one length, and each was written.
            sums.add::<I>(x, mean, unsafe { all_written(out) });
        }
        sums.totals()
    }
}

/// Sums of a gradient, and of its products with what it belongs to, in lanes.
struct Sums<T> {
    lanes: ([T; LANES], [T; LANES]),
    rests: (f64, f64),
}

impl<T: Float> Sums<T> {
    const ZERO: Self = Self { lanes: ([T::ZERO; LANES], [T::ZERO; LANES]), rests: (0.0, 0.0) };

    /// Adds `g` and `g (x - mean)`.
    #[inline(always)]
    fn add<I: Isa>(&mut self, x: &[T], mean: T, g: &[T]) {
        let (plain, product) = &mut self.lanes;
        let (mut xs, mut gs) = (x.chunks_exact(LANES), g.chunks_exact(LANES));
        for (x, g) in (&mut xs).zip(&mut gs) {
            for i in 0..LANES {
                plain[i] += g[i];
                product[i] = I::mul_add(g[i], x[i] - mean, product[i]);
            }
        }
        for (x, g) in xs.remainder().iter().zip(gs.remainder()) {
            self.rests.0 += g.wide();
            self.rests.1 += (*g * (*x - mean)).wide();
        }
    }

    #[inline(always)]
    fn totals(&self) -> (f64, f64) {
        (self.rests.0 + total(self.lanes.0), self.rests.1 + total(self.lanes.1))
    }
}

/// The sum of the lanes, by halves: one after the other each would wait for the one before.
#[inline(always)]
fn total<T: Float>(lanes: [T; LANES]) -> f64 {
    let mut sums = [0.0; LANES];
    sums.iter_mut().zip(&lanes).for_each(|(sum, lane)| *sum = lane.wide());
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            sums[i] += sums[i + half];
        }
        half /= 2;
    }
    sums[0]
}

simd_fn! {
    /// Sums of `g` and of `g x`.
    pub(super) fn dot[I, T](x: &[T], g: &[T]) -> (f64, f64) {
        let mut sums = Sums::ZERO;
        sums.add::<I>(x, T::ZERO, g);
        sums.totals()
    }
}

simd_fn! {
    /// `out = g * scale - (x - mean) * slope - level`.
    pub(super) fn spread[I, T](x: &[T], g: &[T], factors: (T, T, T, T), out: &mut [MaybeUninit<T>]) {
        let (mean, scale, slope, level) = factors;
        for ((out, x), g) in out.iter_mut().zip(x).zip(g) {
            out.write(I::mul_add(*g, scale, -I::mul_add(*x - mean, slope, level)));
        }
    }
}

simd_fn! {
    /// [`spread`] of what stands in `out`.
    pub(super) fn spread_in_place[I, T](x: &[T], factors: (T, T, T, T), out: &mut [T]) {
        let (mean, scale, slope, level) = factors;
        for (out, x) in out.iter_mut().zip(x) {
            *out = I::mul_add(*out, scale, -I::mul_add(*x - mean, slope, level));
        }
    }
}

/// [`normalise`] of every plane with its channel's mean, scale and shift.
pub(super) fn each_plane<T: Float>(
    x: &[T],
    batch: usize,
    factors: &[(T, T, T)],
    activation: Activation,
) -> Vec<T> {
    let inner = x.len() / (batch * factors.len()).max(1);
    if inner == 0 {
        return Vec::new();
    }
    let grain = (GRAIN / inner).max(1);
    let fill = |out: &mut [MaybeUninit<T>]| {
        let planes = out.par_chunks_exact_mut(inner).zip(x.par_chunks_exact(inner)).enumerate();
        planes.with_min_len(grain).for_each(|(i, (out, x))| {
            normalise(x, factors[i % factors.len()], activation, out);
        });
    };
    // SAFETY: the planes tile the buffer, and `normalise` writes each in full.
    unsafe { written(x.len(), fill) }
}
